/// The URLs of a Hub: huggingface.co, or a mirror of it that `HF_ENDPOINT` names.
public struct HubRoutes: Hashable, Sendable, CustomStringConvertible {
    public static let standardEndpoint = "https://huggingface.co"

    public let origin: Origin
    /// The path under which a mirror lives: empty, or `/hub` without a slash at its end.
    public let prefix: String

    /// `name` is the setting that the person gave it with.
    public init(endpoint: String = standardEndpoint, calledAs name: String = "HF_ENDPOINT") throws(CakeError) {
        let url: WebURL
        do {
            url = try WebURL(endpoint)
        } catch {
            throw error.at(name)
        }
        guard url.query == nil else {
            throw CakeError(
                .usage, "\(name): \(url) has a question mark", fix: "write it like \(HubRoutes.standardEndpoint)")
        }
        origin = url.origin
        var prefix = url.path
        while prefix.utf8.last == UInt8(ascii: "/") { prefix.removeLast() }
        self.prefix = prefix
    }

    /// Servers to be asked before the Hub, as people list them: with commas or spaces between.
    public static func mirrors(_ text: String, calledAs name: String = "mirrors") throws(CakeError) -> [HubRoutes] {
        try text.split(whereSeparator: { ", \t".contains($0) }).map { word throws(CakeError) in
            try HubRoutes(endpoint: String(word), calledAs: name)
        }
    }

    /// As it is said to people: `huggingface.co`.
    public var description: String { origin.authority + prefix }

    public var isStandard: Bool { origin.description == HubRoutes.standardEndpoint && prefix.isEmpty }

    /// A file's bytes, or the redirect to them.
    public func file(_ path: FilePath, of repository: HubRepository, at revision: String) -> WebURL {
        let revision = PercentText.encode(revision)
        let path = PercentText.encode(path.string, keepingSlashes: true)
        return url("/\(repository.pathPrefix)\(repository.id)/resolve/\(revision)/\(path)")
    }

    /// Information about the repository, and the commit of the revision.
    public func info(of repository: HubRepository, at revision: String? = nil) -> WebURL {
        api(repository, revision.map { "/revision/" + PercentText.encode($0) } ?? "")
    }

    /// The first page of all its files.
    public func tree(of repository: HubRepository, at revision: String) -> WebURL {
        api(repository, "/tree/" + PercentText.encode(revision), query: "recursive=true&expand=false")
    }

    /// Branches and tags.
    public func revisions(of repository: HubRepository) -> WebURL { api(repository, "/refs") }

    public func commits(of repository: HubRepository, at revision: String) -> WebURL {
        api(repository, "/commits/" + PercentText.encode(revision))
    }

    /// Answers callers that may read it.
    public func admission(to repository: HubRepository) -> WebURL { api(repository, "/auth-check") }

    /// Gives access to the Xet server that stores the files.
    public func xetReadToken(of repository: HubRepository, at revision: String) -> WebURL {
        api(repository, "/xet-read-token/" + PercentText.encode(revision))
    }

    public var whoAmI: WebURL { url("/api/whoami-v2") }

    public func search(_ words: String, kind: HubRepository.Kind = .model, limit: Int) -> WebURL {
        // A search returns only requested fields: whether a model is gated, for one.
        let wanted = ["downloads", "likes", "pipeline_tag", "gated", "private"].map { "&expand=" + $0 }.joined()
        return url("/api/\(kind.plural)", query: "search=\(PercentText.encode(words))&limit=\(limit)" + wanted)
    }

    /// For a person to open.
    public func page(of repository: HubRepository) -> WebURL { url("/\(repository.pathPrefix)\(repository.id)") }

    /// Where a person makes tokens.
    public var tokenPage: WebURL { url("/settings/tokens") }

    private func api(_ repository: HubRepository, _ rest: String, query: String? = nil) -> WebURL {
        url("/api/\(repository.kind.plural)/\(repository.id)\(rest)", query: query)
    }

    private func url(_ path: String, query: String? = nil) -> WebURL {
        WebURL(origin: origin, path: prefix + path, query: query)
    }
}
