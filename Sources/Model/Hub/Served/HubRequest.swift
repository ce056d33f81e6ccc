/// The meaning of an address of a Hub: the client's routes, read by a server.
public enum HubRequest: Hashable, Sendable {
    case whoAmI
    case list(HubRepository.Kind)
    case info(HubRepository, revision: String?)
    case tree(HubRepository, revision: String, folder: String)
    case pathsInfo(HubRepository, revision: String)
    case revisions(HubRepository)
    case commits(HubRepository, revision: String)
    case authCheck(HubRepository, isToWrite: Bool)
    /// The content of the file.
    case file(HubRepository, revision: String, path: String)
    /// The file as git stores it: for a large one, a pointer.
    case raw(HubRepository, revision: String, path: String)
    /// The file that llama.cpp means by a quantization.
    case quantization(HubRepository, tag: String)
    case likers(HubRepository)
    case discussions(HubRepository)
    /// Of a kind that is not stored here: the list is empty.
    case emptyList
    /// A name that no repository here can have.
    case noRepository
    /// A revision that no repository can have, such as `..`.
    case noRevision(HubRepository)
    /// Nothing that is answered here, under `/api`.
    case nothing

    /// The repository in the request; nil for lists, and for requests whose answer does not depend on one.
    public var repository: HubRepository? {
        switch self {
        case .info(let repository, _), .tree(let repository, _, _), .pathsInfo(let repository, _),
            .revisions(let repository), .commits(let repository, _), .authCheck(let repository, _),
            .file(let repository, _, _), .raw(let repository, _, _), .noRevision(let repository),
            .quantization(let repository, _), .likers(let repository), .discussions(let repository):
            repository
        case .whoAmI, .list, .emptyList, .noRepository, .nothing: nil
        }
    }

    /// Nil for an address that a Hub does not have. A part contains its own slashes, because revisions have some.
    public init?(_ parts: [String]) {
        var parts = parts[...]
        // That is the registry's, with any text after it.
        guard let first = parts.first, first != "v2" else { return nil }
        if first == "api" {
            if parts.last == "" { parts.removeLast() }
            self = HubRequest.api(parts.dropFirst())
            return
        }
        var kind = HubRepository.Kind.model
        if let other = HubRepository.Kind.allCases.first(where: { $0 != .model && $0.plural == first }) {
            kind = other
            parts.removeFirst()
        }
        guard let (name, verb, rest) = HubRequest.cut(parts, at: ["resolve", "raw"]), let verb, rest.count >= 2 else {
            return nil
        }
        guard let repository = try? HubRepository(name, kind: kind) else {
            self = .noRepository
            return
        }
        let (revision, path) = (rest[rest.startIndex], rest.dropFirst().joined(separator: "/"))
        guard HubRequest.isRevision(revision) else {
            self = .noRevision(repository)
            return
        }
        self =
            verb == "resolve"
            ? .file(repository, revision: revision, path: path) : .raw(repository, revision: revision, path: path)
    }

    /// A registry's address of a manifest by its tag, as llama.cpp writes it; nil for every other.
    public init?(manifest parts: [String]) {
        guard (4...5).contains(parts.count), parts[0] == "v2", parts[parts.count - 2] == "manifests",
            let tag = parts.last, TagName(tag) != nil,
            let repository = try? HubRepository(parts[1..<(parts.count - 2)].joined(separator: "/"))
        else { return nil }
        self = .quantization(repository, tag: tag)
    }

    private static let verbs = [
        "revision", "tree", "paths-info", "refs", "commits", "auth-check", "xet-read-token", "safetensors-metadata",
        "likers", "discussions",
    ]

    private static func api(_ parts: ArraySlice<String>) -> HubRequest {
        if parts.elementsEqual(["whoami-v2"]) { return .whoAmI }
        if let first = parts.first, ["spaces", "kernels"].contains(first) {
            return parts.count == 1 ? .emptyList : .noRepository
        }
        guard let kind = HubRepository.Kind.allCases.first(where: { $0.plural == parts.first }) else { return .nothing }
        guard parts.count > 1 else { return .list(kind) }
        guard let (name, verb, rest) = cut(parts.dropFirst(), at: verbs),
            let repository = try? HubRepository(name, kind: kind)
        else { return .noRepository }
        let takesRevision = ["revision", "tree", "paths-info", "commits"].contains(verb)
        if takesRevision, let revision = rest.first, !isRevision(revision) { return .noRevision(repository) }
        switch (verb, rest.first) {
        case (nil, _): return .info(repository, revision: nil)
        case ("revision", let revision?) where rest.count == 1: return .info(repository, revision: revision)
        case ("tree", let revision?):
            return .tree(repository, revision: revision, folder: rest.dropFirst().joined(separator: "/"))
        case ("paths-info", let revision?) where rest.count == 1: return .pathsInfo(repository, revision: revision)
        case ("commits", let revision?) where rest.count == 1: return .commits(repository, revision: revision)
        case ("refs", nil): return .revisions(repository)
        case ("likers", nil): return .likers(repository)
        case ("discussions", nil): return .discussions(repository)
        case ("auth-check", nil): return .authCheck(repository, isToWrite: false)
        case ("auth-check", "write"?): return .authCheck(repository, isToWrite: true)
        default: return .nothing
        }
    }

    private static func isRevision(_ text: String) -> Bool { (try? Revision.check(text)) != nil }

    /// The name, which has one part or two, and the text after it; nil if neither fits.
    private static func cut(
        _ parts: ArraySlice<String>, at verbs: [String]
    ) -> (name: String, verb: String?, rest: ArraySlice<String>)? {
        let (second, third) = (parts.dropFirst().first, parts.dropFirst(2).first)
        func isVerb(_ part: String?) -> Bool { part.map(verbs.contains) ?? false }
        guard let first = parts.first else { return nil }
        // A model may be called like a verb: then the verb follows.
        let isShort = second == nil || isVerb(second) && !isVerb(third)
        let words = isShort ? [first] : [first, second ?? ""]
        let name = words.joined(separator: "/")
        let rest = parts.dropFirst(isShort ? 1 : 2)
        // A slash that was written as `%2F` parts nothing here.
        guard !words.contains(where: { $0.utf8.contains(UInt8(ascii: "/")) }) else { return nil }
        guard let verb = rest.first else { return (name, nil, []) }
        return verbs.contains(verb) ? (name, verb, rest.dropFirst()) : nil
    }
}
