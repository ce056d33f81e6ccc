/// The repository and tag under which a registry shows a model of the store: its name in lower case, with a dash for
/// each character that a repository's name cannot have. The text after `@`, or after a colon in the last part, is the
/// tag.
public struct ServedName: Hashable, Sendable, CustomStringConvertible {
    public let repository: RepositoryName
    public let tag: TagName

    /// Nil for a name of which no character is left.
    public init?(_ name: ModelName) {
        var path = Substring(name.withoutRevision)
        var version = name.revision
        let last = path.lastIndex(of: "/").map { path.index(after: $0) } ?? path.startIndex
        if version == nil, let colon = path[last...].lastIndex(of: ":") {
            version = String(path[path.index(after: colon)...])
            path = path[..<colon]
        }
        let parts = path.split(separator: "/").map { ServedName.part(of: $0) }
        guard let repository = RepositoryName(parts.joined(separator: "/")) else { return nil }
        guard let tag = ServedName.tag(for: version ?? "latest") else { return nil }
        self.repository = repository
        self.tag = tag
    }

    public var description: String { "\(repository):\(tag)" }

    /// Separators that the grammar does not allow become one dash, but not at an end.
    private static func part(of text: Substring) -> String {
        func isWord(_ character: Character) -> Bool { character.isASCII && (character.isLetter || character.isNumber) }
        var result = ""
        var separator = ""
        for character in text.lowercased() {
            guard isWord(character) else {
                separator.append(character == "." || character == "_" || character == "-" ? character : " ")
                continue
            }
            if !separator.isEmpty, !result.isEmpty {
                let isKnown = [".", "_", "__"].contains(separator) || separator.allSatisfy { $0 == "-" }
                result += isKnown ? separator : "-"
            }
            separator = ""
            result.append(character)
        }
        return result
    }

    /// Characters that a tag cannot have become a dash, and leading ones that it cannot begin with are left out.
    public static func tag(for version: String) -> TagName? {
        let plain = version.map { character in
            character.isASCII && (character.isLetter || character.isNumber || "._-".contains(character))
                ? character : "-"
        }
        return TagName(String(plain.drop { $0 == "." || $0 == "-" }.prefix(128)))
    }
}
