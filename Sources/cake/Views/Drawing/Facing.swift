import Model

/// Names on the left, what they are on the right; what does not fit goes on in the next line, under its beginning.
struct Facing {
    struct Line {
        let name: String
        let text: String
        let tone: Style.Tone

        init(_ name: String, _ text: String, _ tone: Style.Tone = .plain) {
            self.name = name
            self.text = text
            self.tone = tone
        }
    }

    let width: Int?
    let style: Style

    func lines(of lines: [Line]) -> [String] {
        let column = 2 + (lines.map { TextWidth.of($0.name) }.max() ?? 0)
        return lines.flatMap { line in
            // A stranger's text ends here: what a terminal would obey is made visible.
            let parts = parts(of: Printable.escape(line.text), width: width.map { max(1, $0 - column) })
            return parts.enumerated().map { index, part in
                let name = index == 0 ? line.name : ""
                let padding = String(repeating: " ", count: column - TextWidth.of(name))
                return style.paint(name, .faint) + padding + style.paint(part, line.tone)
            }
        }
    }

    /// Broken between words; a word that is too long, such as a path or a digest, wherever the line is full.
    private func parts(of text: String, width: Int?) -> [String] {
        guard let width else { return [text] }
        let lines = TextWidth.wrap(text, to: width).flatMap { line -> [String] in
            var (parts, used) = ([""], 0)
            for character in line {
                let next = TextWidth.of(character)
                if used + next > width, used > 0 {
                    parts.append("")
                    used = 0
                }
                parts[parts.count - 1].append(character)
                used += next
            }
            return parts
        }
        return lines.isEmpty ? [""] : lines
    }
}
