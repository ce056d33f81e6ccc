/// A request to a Hub, for explaining a refusal: which repository, revision and file, and with which token.
public struct HubQuestion: Sendable {
    public let hub: HubRoutes
    /// Nil for a question about no repository, such as a search.
    public let repository: HubRepository?
    public let revision: String?
    public let file: FilePath?
    public let hasToken: Bool
    /// The likely intended name.
    public let suggestion: String?

    public init(
        _ hub: HubRoutes, repository: HubRepository?, revision: String? = nil, file: FilePath? = nil, hasToken: Bool,
        suggestion: String? = nil
    ) {
        self.hub = hub
        self.repository = repository
        self.revision = revision
        self.file = file
        self.hasToken = hasToken
        self.suggestion = suggestion
    }

    /// The repository as sentences have it: `org/name`, `the dataset org/name`.
    var subject: String {
        guard let repository else { return "what was asked" }
        return repository.kind == .model ? repository.id : "the \(repository.kind.rawValue) \(repository.id)"
    }

    var page: String { repository.map { hub.page(of: $0).description } ?? hub.origin.description }
}
