/// A repository of a registry, such as `team/model`: parts of lower-case letters and digits, with `.`, `_`, `__` or any
/// number of `-` between them. No part can lead out of a folder.
public struct RepositoryName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let maximumLength = 255

    public let text: String

    public init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard text.utf8.count <= RepositoryName.maximumLength, parts.allSatisfy(RepositoryName.isPart) else {
            return nil
        }
        self.text = text
    }

    /// The name of its folder: no part has a `+`, and a name stays as long as it is.
    public var fileName: String { String(text.map { $0 == "/" ? "+" : $0 }) }

    public init?(fileName: String) {
        guard !fileName.utf8.contains(UInt8(ascii: "/")) else { return nil }
        self.init(String(fileName.map { $0 == "+" ? "/" : $0 }))
    }

    public var description: String { text }

    public static func < (left: RepositoryName, right: RepositoryName) -> Bool {
        left.text.precedesInBytes(right.text)
    }

    private static func isPart(_ part: Substring.UTF8View) -> Bool {
        func isWord(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) || (0x61...0x7a).contains(byte) }
        guard let first = part.first, let last = part.last, isWord(first), isWord(last) else { return false }
        return part.split(whereSeparator: isWord).allSatisfy { separator in
            switch separator.first {
            case UInt8(ascii: "-"): separator.allSatisfy { $0 == UInt8(ascii: "-") }
            case UInt8(ascii: "."): separator.count == 1
            case UInt8(ascii: "_"): separator.count <= 2 && separator.allSatisfy { $0 == UInt8(ascii: "_") }
            default: false
            }
        }
    }
}

/// A tag: at most 128 letters, digits and `._-`, and not first a dot or a dash. Safe as the name of a file.
public struct TagName: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let text: String

    public init?(_ text: some StringProtocol) {
        guard let first = text.utf8.first, first != UInt8(ascii: "."), first != UInt8(ascii: "-"),
            text.utf8.count <= 128,
            text.utf8.allSatisfy({ byte in
                switch byte {
                case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
                case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
                default: false
                }
            })
        else { return nil }
        self.text = String(text)
    }

    public var description: String { text }

    public static func < (left: TagName, right: TagName) -> Bool {
        left.text.precedesInBytes(right.text)
    }
}
