/// Requests of one server to another that has the same secret: docs/openapi.yaml.
public enum PeerRoute: Hashable, Sendable {
    /// Which server this is.
    case server
    /// A file of a Hub's repository at a commit.
    case file(HubRepository, commit: String, path: FilePath)

    /// Precedes an address of the Hub.
    public static let prefix = "/v2/_cake/peer"
    /// For the documentation, in which braces mark a part that varies.
    public static let paths = [prefix, prefix + "/{file}"]
    /// The query that asks whether the server waits for a byte of the file itself.
    public static let position = "waits"
    /// In its answer: whether it was sending bodies a moment ago, to anyone.
    public static let sends = "sends"

    /// Nil for another address. Throws if the address is one of these and invalid.
    public init?(_ address: String) throws(RegistryError) {
        guard address.utf8.starts(with: PeerRoute.prefix.utf8), let target = RequestTarget(address, ofHub: true),
            target.parts.starts(with: ["v2", "_cake", "peer"])
        else { return nil }
        let rest = Array(target.parts.dropFirst(3))
        guard !rest.isEmpty else {
            self = .server
            return
        }
        guard case .file(let repository, let commit, let path) = HubRequest(rest), Revision.isCommit(commit),
            let path = try? FilePath(path)
        else { throw RegistryError(404, .nameUnknown, "a server asks another one for a file at a commit") }
        self = .file(repository, commit: commit, path: path)
    }
}
