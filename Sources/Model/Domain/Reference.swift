/// The words by which a person says where a model is: a short name, a repository of the Hub, a registry, a folder.
public enum Reference: Hashable, Sendable {
    case hub(HubReference)
    case registry(RegistryReference)
    /// As it was typed: `./model`, `~/models/x`, `model.safetensors`.
    case path(String)

    /// `aliases` is the person's own table and overrides the built-in one. `hub` is the server that pasted addresses
    /// may name besides huggingface.co. `isFile` is asked about names like `*.safetensors`.
    public init(
        _ text: String, aliases: [String: String] = [:], hub: HubRoutes? = nil,
        isFile: (String) -> Bool = { _ in false }
    ) throws(CakeError) {
        let reader = ReferenceReader(aliases: aliases, hub: hub)
        self = try reader.read(text, isFile: isFile)
    }

    /// Whether what stands before the first slash is an address, and not an account of the Hub.
    static func isRegistryHost(_ first: Substring) -> Bool {
        first.contains(".") || first.contains(":") || first.lowercased() == "localhost"
    }

    /// The likely meaning of a mistyped name, among the person's aliases, the built-in ones and `known`, the names in
    /// the store.
    public static func suggestion(
        for text: String, aliases: [String: String] = [:], known: [String] = []
    ) -> String? {
        let typed = String(text.prefix { $0 != "@" })
        let wanted = ExactText(typed)
        let all = known + aliases.keys.sorted() + Aliases.names
        return Suggestion.nearest(to: typed, among: all.filter { ExactText($0) != wanted })
    }
}

/// A repository of the Hub, with a revision and a file in it.
public struct HubReference: Hashable, Sendable {
    public let repository: HubRepository
    /// Nil is `main`.
    public let revision: String?
    /// The file or folder in a pasted address. A hint: a pull ignores it.
    public let file: FilePath?

    public init(_ repository: HubRepository, revision: String? = nil, file: FilePath? = nil) {
        self.repository = repository
        self.revision = revision
        self.file = file
    }

    /// The same, at a revision that was given separately.
    public func at(_ revision: String?) throws(CakeError) -> HubReference {
        guard let revision else { return self }
        return HubReference(repository, revision: try Revision.check(revision), file: file)
    }

    /// The name in the store after a pull: `org/name`, or `org/name@revision`.
    public var storeName: String { repository.id + (revision.map { "@" + $0 } ?? "") }
}

/// From words to a reference: paths first, then addresses, aliases, registries and ids of the Hub.
struct ReferenceReader {
    let aliases: [String: String]
    let hub: HubRoutes?

    static let maximumLength = 2048
    static let advice = "write it like mistral-7b, org/name, org/name@revision, hf://org/name or ./folder"

    func read(_ text: String, isFile: (String) -> Bool) throws(CakeError) -> Reference {
        guard !text.isEmpty else { throw CakeError(.usage, "the name is empty", fix: ReferenceReader.advice) }
        guard text.utf8.count <= ReferenceReader.maximumLength else {
            throw refuse(String(text.prefix(60)) + "…", "it is longer than \(ReferenceReader.maximumLength) bytes")
        }
        if isPath(text) || text.hasSuffix(".safetensors") && isFile(text) { return .path(text) }
        guard text.unicodeScalars.allSatisfy({ Printable.isPlain($0) && !$0.properties.isWhitespace }) else {
            throw refuse(text, "it contains a space or a control character")
        }
        if let (scheme, rest) = ReferenceReader.split(text, at: "://") {
            return try read(rest, scheme: scheme, of: text)
        }
        let (name, revision) = ReferenceReader.split(text, at: "@") ?? (text, nil)
        if let meant = try alias(name, revision) { return meant }
        let first = name.prefix { $0 != "/" }
        if first.count < name.count {
            if ["huggingface.co", "www.huggingface.co", "hf.co"].contains(first.lowercased()) {
                return .hub(try page(WebURL("https://" + text), of: text))
            }
            if Reference.isRegistryHost(first) {
                return .registry(try RegistryReference(text))
            }
        }
        return .hub(try hubName(name, revision, of: text))
    }

    private func isPath(_ text: String) -> Bool {
        text == "." || text == ".." || ["./", "../", "/", "~"].contains { text.utf8.starts(with: $0.utf8) }
    }

    private func read(_ rest: String, scheme: String, of text: String) throws(CakeError) -> Reference {
        switch scheme.lowercased() {
        case "hf": return .hub(try hubPath(rest, of: text))
        case "oci": return .registry(try RegistryReference(rest))
        case "s3": return .registry(try RegistryReference(S3Place.scheme + rest))
        case "oci+https": return .registry(try RegistryReference(rest, speaksTLS: true))
        case "http", "https":
            let url = try WebURL(text)
            if url.isRegistryOfThisMachine(beside: hub) {
                return .registry(try RegistryReference(rest, speaksTLS: true))
            }
            return .hub(try page(url, of: text))
        default:
            let near = Suggestion.nearest(to: scheme, among: ["hf", "oci", "s3", "https"]).map {
                "did you mean \($0)://\(rest)?"
            }
            throw refuse(text, "cake does not know \(scheme)://", fix: near)
        }
    }

    /// An alias may stand for anything, also for another alias, but not for itself.
    private func alias(_ name: String, _ revision: String?) throws(CakeError) -> Reference? {
        let wanted = ExactText(name)
        guard let own = aliases.first(where: { ExactText($0.key) == wanted }) else {
            guard let id = Aliases.hubID(of: name) else { return nil }
            return .hub(try HubReference(HubRepository(id)).at(revision))
        }
        var others = aliases
        others[own.key] = nil
        let meant: Reference
        do {
            meant = try ReferenceReader(aliases: others, hub: hub).read(own.value) { _ in false }
        } catch {
            throw error.at("alias \(Printable.escape(name))")
        }
        guard let revision else { return meant }
        guard case .hub(let reference) = meant else {
            throw refuse(name + "@" + revision, "the alias stands for \(own.value), which has no revisions")
        }
        return .hub(try reference.at(revision))
    }

    /// `gpt2`, `org/name`; three parts if the first is the kind.
    private func hubName(_ name: String, _ revision: String?, of text: String) throws(CakeError) -> HubReference {
        if let revision, revision.utf8.starts(with: "sha256:".utf8) {
            throw refuse(
                text, "a digest names a model in a registry", fix: "a commit of the Hub is written org/name@COMMIT")
        }
        let repository: HubRepository
        if let (kind, rest) = try ReferenceReader.kind(of: name, in: text) {
            repository = try HubRepository(rest, kind: kind)
        } else if let why = HubRepository.complaint(name) {
            throw refuse(text, why, fix: remedy(for: name))
        } else {
            repository = try HubRepository(name)
        }
        return try HubReference(repository).at(revision)
    }

    private func remedy(for name: String) -> String? {
        // docker's and ollama's habit.
        if let (id, tag) = ReferenceReader.split(name, at: ":"), HubRepository.complaint(id) == nil {
            return "a revision is written with @: \(id)@\(tag)"
        }
        return Reference.suggestion(for: name, aliases: aliases).map { "did you mean \($0)?" }
    }

    func refuse(_ text: String, _ why: String, fix: String? = nil) -> CakeError {
        CakeError(
            .usage, "\"\(Printable.escape(text))\" is not a model's name: \(Printable.escape(why))",
            fix: fix ?? ReferenceReader.advice)
    }

    /// At the first `separator`, by bytes: to String, a sign with an accent after it is another character.
    static func split(_ text: String, at separator: String) -> (String, String)? {
        let bytes = Array(text.utf8)
        let wanted = Array(separator.utf8)
        guard bytes.count >= wanted.count,
            let start = (0...(bytes.count - wanted.count)).first(where: { bytes[$0...].starts(with: wanted) })
        else { return nil }
        return (
            String(decoding: bytes[..<start], as: UTF8.self),
            String(decoding: bytes[(start + wanted.count)...], as: UTF8.self)
        )
    }
}
