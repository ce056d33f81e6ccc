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

/// Where prose goes: how wide it may be, and whether in colour.
struct Page: Hashable, Sendable {
    let width: Int
    let style: Style
}
