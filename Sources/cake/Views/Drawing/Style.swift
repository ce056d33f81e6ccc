/// Colours, or none. What a colour means is decided here, once.
struct Style: Hashable, Sendable {
    enum Tone: String, Sendable {
        case plain = "0"
        case strong = "1"
        case faint = "2"
        case bad = "31"
        case good = "32"
        case careful = "33"
        case accent = "36"
    }

    let isOn: Bool

    func paint(_ text: String, _ tone: Tone) -> String {
        guard isOn, tone != .plain, !text.isEmpty else { return text }
        return "\u{1b}[\(tone.rawValue)m\(text)\u{1b}[0m"
    }
}

/// Where text goes: how wide prose may be, whether in colour, and how wide tables; nil where they may be as wide as they are.
struct Page: Hashable, Sendable {
    let width: Int
    let style: Style
    var tableWidth: Int?
}
