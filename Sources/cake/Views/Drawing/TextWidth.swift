/// How many columns of a terminal text takes: two for a Chinese character or an emoji, none for an accent on its own.
enum TextWidth {
    static func of(_ text: String) -> Int {
        if text.utf8.allSatisfy({ $0 >= 0x20 && $0 < 0x7f }) { return text.utf8.count }
        return text.reduce(0) { $0 + of($1) }
    }

    static func of(_ character: Character) -> Int {
        var width = 0
        for scalar in character.unicodeScalars {
            // Asks for the emoji form of a sign that is narrow without it.
            if scalar.value == 0xfe0f { return 2 }
            width = max(width, of(scalar))
        }
        return width
    }

    private static func of(_ scalar: Unicode.Scalar) -> Int {
        switch scalar.value {
        case 0..<0x20, 0x7f..<0xa0: return 0
        case 0x20..<0x300: return 1
        case 0x200b...0x200f, 0x2060...0x2064: return 0
        case 0x1100...0x115f, 0x2e80...0x303e, 0x3041...0x33ff, 0x3400...0x4dbf, 0x4e00...0x9fff, 0xa000...0xa4cf,
            0xac00...0xd7a3, 0xf900...0xfaff, 0xfe30...0xfe6f, 0xff00...0xff60, 0xffe0...0xffe6, 0x20000...0x3fffd:
            return 2
        default: break
        }
        if scalar.properties.isEmojiPresentation { return 2 }
        switch scalar.properties.generalCategory {
        case .nonspacingMark, .enclosingMark: return 0
        default: return 1
        }
    }

    /// The text, or as much of it as fits and then `…`.
    static func shorten(_ text: String, to width: Int, keepingEnd: Bool = false) -> String {
        guard of(text) > width else { return text }
        guard width > 1 else { return width == 1 ? "…" : "" }
        var kept: [Character] = []
        var used = 1
        for character in keepingEnd ? Array(text.reversed()) : Array(text) {
            let next = of(character)
            guard used + next <= width else { break }
            used += next
            kept.append(character)
        }
        return keepingEnd ? "…" + String(kept.reversed()) : String(kept) + "…"
    }

    /// Words into lines of at most `width` columns; a longer word gets a line of its own.
    static func wrap(_ text: String, to width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(separator: " ") {
            if line.isEmpty {
                line = String(word)
            } else if of(line) + 1 + of(String(word)) <= width {
                line += " " + word
            } else {
                lines.append(line)
                line = String(word)
            }
        }
        if !line.isEmpty { lines.append(line) }
        return lines
    }
}
