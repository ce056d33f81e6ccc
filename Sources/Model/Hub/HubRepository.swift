/// A repository of the Hub, by its name there: `gpt2`, `org/name`. Only letters, digits and `._-`: the id can be used
/// in a path and a URL unchanged.
public struct HubRepository: Hashable, Sendable, CustomStringConvertible {
    public enum Kind: String, CaseIterable, Sendable {
        case model
        case dataset

        /// As the API and pages spell it.
        public var plural: String { rawValue + "s" }
    }

    public let kind: Kind
    public let id: String

    public init(_ id: String, kind: Kind = .model) throws(CakeError) {
        if let why = HubRepository.complaint(id) {
            throw CakeError(
                .usage, "\"\(Printable.escape(String(id.prefix(200))))\" is not a name on the Hub: \(why)",
                fix: "write it like mistralai/Mistral-7B-v0.1, or gpt2")
        }
        self.kind = kind
        self.id = id
    }

    /// The repository of a name in the store: `datasets/org/name` is a dataset, and so is a model that came from one.
    public init(of name: ModelName, from source: String?) throws(CakeError) {
        var id = name.withoutRevision
        var kind = Kind.model
        for other in Kind.allCases {
            let prefix = other.plural + "/"
            if source?.hasPrefix("hf://" + prefix) == true { kind = other }
            guard id.hasPrefix(prefix), other != .model else { continue }
            (id, kind) = (String(id.dropFirst(prefix.utf8.count)), other)
        }
        try self.init(id, kind: kind)
    }

    /// By its folder in a Hugging Face cache; nil if the folder is not one.
    public init?(cacheFolder: String) {
        for kind in Kind.allCases {
            let prefix = kind.plural + "--"
            guard cacheFolder.hasPrefix(prefix) else { continue }
            let id = cacheFolder.dropFirst(prefix.count).replacing("--", with: "/")
            guard let found = try? HubRepository(String(id), kind: kind) else { return nil }
            self = found
            return
        }
        return nil
    }

    /// Its name in the store: `org/name`, `datasets/org/name`.
    public var name: String { pathPrefix + id }

    /// `hf://org/name`, `hf://datasets/org/name`: as records of where a model came from have it.
    public var description: String { kind == .model ? "hf://\(id)" : "hf://\(kind.plural)/\(id)" }

    /// The folder of a Hugging Face cache: `models--org--name`.
    public var cacheFolder: String { "\(kind.plural)--\(id.replacing("/", with: "--"))" }

    /// The text before the id in the URLs of files and pages.
    var pathPrefix: String { kind == .model ? "" : "\(kind.plural)/" }

    static func complaint(_ id: String) -> String? {
        let parts = id.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard parts.count <= 2 else { return "it has more than two parts" }
        for part in parts {
            guard !part.isEmpty else { return "it has an empty part" }
            guard part.count <= 96 else { return "a part is longer than 96 characters" }
            guard part.allSatisfy(isAllowed) else { return "only letters, digits, \".\", \"_\" and \"-\" may be in it" }
            for end in [part.first, part.last] where end == UInt8(ascii: "-") || end == UInt8(ascii: ".") {
                return "a part begins or ends with \"-\" or \".\""
            }
            for pair in zip(part, part.dropFirst()) where pair.0 == pair.1 {
                if pair.0 == UInt8(ascii: "-") { return "\"--\" is in it" }
                if pair.0 == UInt8(ascii: ".") { return "\"..\" is in it" }
            }
        }
        return nil
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5a, 0x61...0x7a: true
        case UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }
}

/// A branch, a tag, `refs/pr/N` or a commit, as it is asked for.
public enum Revision {
    public static let main = "main"

    public static func check(_ text: String) throws(CakeError) -> String {
        func refuse(_ why: String) -> CakeError {
            CakeError(
                .usage, "\"\(Printable.escape(String(text.prefix(200))))\" is not a revision: \(why)",
                fix: "write a branch, a tag or a commit, such as main, v1.0 or refs/pr/1")
        }
        guard !text.isEmpty else { throw refuse("it is empty") }
        guard text.utf8.count <= 200 else { throw refuse("it is longer than 200 bytes") }
        guard text.unicodeScalars.allSatisfy({ Printable.isPlain($0) && !$0.properties.isWhitespace }) else {
            throw refuse("it contains a space or a control character")
        }
        let forbidden = Array("~^:?*[\\".utf8)
        if let byte = text.utf8.first(where: forbidden.contains) {
            throw refuse("\"\(Character(Unicode.Scalar(byte)))\" cannot be in one")
        }
        guard text.utf8.first != UInt8(ascii: "-") else { throw refuse("it begins with \"-\"") }
        for part in text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) {
            guard !part.isEmpty else { throw refuse("it has an empty part") }
            guard part.first != UInt8(ascii: "."), !String(Substring(part)).contains("..") else {
                throw refuse("it has dots where git allows none")
            }
        }
        return text
    }

    /// Whether it is a full commit, whose files never change.
    public static func isCommit(_ text: String) -> Bool { GitDigest(hex: text) != nil }
}
