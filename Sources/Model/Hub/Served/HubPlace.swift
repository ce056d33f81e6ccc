/// Where a mirror shows a model of the store: the repository, the revision and the commit that clients of the Hub know.
public struct HubPlace: Hashable, Sendable {
    public let repository: HubRepository
    /// The text after `@` in the name, else `main`.
    public let revision: String
    /// The requested revision when it was pulled.
    public let asked: String?
    /// In 40 hex digits: the Hub's own, or made from the manifest. The same files have the same commit everywhere.
    public let commit: String
    /// Whether the commit is made here. Of one that is the Hub's, some files may not have been pulled.
    public let isOwnCommit: Bool

    /// Nil for a name that no repository of the Hub can have.
    public init?(_ name: ModelName, _ record: NameRecord) {
        guard let repository = try? HubRepository(of: name, from: record.source) else { return nil }
        self.repository = repository
        revision = name.revision ?? Revision.main
        asked = record.revision
        // The headers of a partial model are cake's own: the Hub has no such commit.
        let published = record.isPartial ? nil : record.commit.flatMap { Revision.isCommit($0) ? $0 : nil }
        commit = published ?? String(record.manifest.hex.prefix(40))
        isOwnCommit = published == nil
    }

    /// How well this matches a requested revision, lower is better; nil if it does not match.
    public func rank(of wanted: String) -> Int? {
        if wanted == revision { return 0 }
        if wanted == commit { return 1 }
        if wanted == asked { return 2 }
        let isShort = (7..<40).contains(wanted.utf8.count) && commit.hasPrefix(wanted)
        return isShort ? 3 : nil
    }
}
