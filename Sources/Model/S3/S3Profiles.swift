/// The files `~/.aws/config` and `~/.aws/credentials`: sections with settings, one for each profile.
public struct S3Profiles: Sendable {
    private var sections: [String: [String: String]] = [:]

    public static let largestFile = 1 << 20

    public init() {}

    /// `profile NAME` is the title of a section in the one file, `NAME` in the other. Lines below a setting that are indented
    /// belong to it: `addressing_style` below `s3` is `s3.addressing_style`.
    public init(parsing text: String) {
        var section: String?
        var above = ""
        for line in text.split(whereSeparator: \.isNewline) {
            let isIndented = line.first == " " || line.first == "\t"
            let words = S3Profiles.trimmed(line)
            guard let first = words.first, first != "#", first != ";" else { continue }
            if first == "[" {
                var title = S3Profiles.trimmed(words.dropFirst().prefix { $0 != "]" })
                if title.hasPrefix("profile ") { title = S3Profiles.trimmed(title.dropFirst("profile ".count)) }
                section = title
                continue
            }
            guard let section, let equals = words.firstIndex(of: "=") else { continue }
            let name = S3Profiles.trimmed(words[..<equals]).lowercased()
            var value = S3Profiles.trimmed(words[words.index(after: equals)...][...])
            if let comment = value.firstRange(of: " #") { value = S3Profiles.trimmed(value[..<comment.lowerBound]) }
            if !isIndented { above = name }
            sections[section, default: [:]][isIndented && !above.isEmpty ? "\(above).\(name)" : name] = value
        }
    }

    public subscript(profile: String) -> [String: String]? { sections[profile] }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var rest = Substring(text)
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
        while let last = rest.last, last.isWhitespace { rest.removeLast() }
        return String(rest)
    }
}
