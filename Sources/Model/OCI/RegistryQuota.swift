/// The most bytes that a registry may hold, or the repositories that match a pattern. An operator types it as `100GB` or
/// `team/*=100GB`.
public struct RegistryQuota: Hashable, Sendable, CustomStringConvertible {
    /// Nil for a size alone.
    public let pattern: RepositoryPattern?
    public let bytes: UInt64

    public init(_ pattern: RepositoryPattern? = nil, bytes: UInt64) {
        self.pattern = pattern
        self.bytes = bytes
    }

    public init(_ text: String) throws(CakeError) {
        guard let end = text.firstIndex(of: "=") else {
            self.init(bytes: try Quantities.readBytes(text))
            return
        }
        self.init(
            try RepositoryPattern(String(text[..<end])),
            bytes: try Quantities.readBytes(String(text[text.index(after: end)...])))
    }

    /// Whether it counts all that the registry has, and not what some repositories have.
    public var isWhole: Bool { pattern == nil || pattern == .all }

    public func fits(_ repository: RepositoryName) -> Bool { pattern?.fits(repository) ?? true }

    /// The pattern; `*` for the whole registry.
    public var description: String { pattern?.description ?? "*" }
}
