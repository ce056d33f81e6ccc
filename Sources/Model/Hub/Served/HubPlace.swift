/// Where a mirror shows a model of the store: the repository, the revision and the commit that clients of the Hub know.
public struct HubPlace: Hashable, Sendable {
    public let repository: HubRepository
    /// What the name says behind `@`, else `main`.
    public let revision: String
    /// What it was asked for by when it was pulled.
    private let asked: String?
    /// In 40 hex digits: the Hub's own, or made from the manifest, so that the same files have the same one everywhere.
    public let commit: String
    /// Whether the commit is made here. Of one that is the Hub's, some files may not have been pulled.
    public let isOwnCommit: Bool

    /// Nil for a name that no repository of the Hub can have.
    public init?(_ name: ModelName, _ record: NameRecord) {
        guard let repository = try? HubRepository(of: name, from: record.source) else { return nil }
        self.repository = repository
        revision = name.revision ?? Revision.main
        asked = record.revision
        // Of a model in parts, the headers are cake's own: the Hub has no such commit.
        let published = record.isPartial ? nil : record.commit.flatMap { Revision.isCommit($0) ? $0 : nil }
        commit = published ?? String(record.manifest.hex.prefix(40))
        isOwnCommit = published == nil
    }

    /// How well this is what somebody means by a revision, less is better; nil when it is not.
    public func rank(of wanted: String) -> Int? {
        if wanted == revision { return 0 }
        if wanted == commit { return 1 }
        if wanted == asked { return 2 }
        let isShort = (7..<40).contains(wanted.utf8.count) && commit.hasPrefix(wanted)
        return isShort ? 3 : nil
    }
}
