/// A reader of a registry, and the part that it may read.
public enum RegistryReader: Hashable, Sendable {
    /// The registry has no tokens, or lets everyone read.
    case everyone
    case token(AccessToken)

    public func mayRead(_ repository: RepositoryName) -> Bool {
        switch self {
        case .everyone: true
        case .token(let token): token.allows(.read, repository)
        }
    }
}

extension AccessTokens {
    /// All who may read something. With tokens these are the bearers of tokens, and everyone else if that is allowed.
    public func readers(withEveryone letsAnybodyRead: Bool) -> [RegistryReader] {
        guard !all.isEmpty else { return [.everyone] }
        return (letsAnybodyRead ? [.everyone] : []) + all.map { .token($0) }
    }
}
