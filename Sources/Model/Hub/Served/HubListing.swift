/// A repository of a Hub at a revision, as the Hub lists it: all that a server knows before it has any of its files.
public struct HubListing: Sendable {
    public let revision: String
    public let info: HubInfo
    /// The Hub's description of the repository, for clients, which may use more of it.
    public let words: JSONObject
    public let snapshot: Snapshot
    /// Without a token the Hub does not say that it is there.
    private let isHidden: Bool

    public init(revision: String, info: HubInfo, words: JSONObject, snapshot: Snapshot, isHidden: Bool) {
        self.revision = revision
        self.isHidden = isHidden
        self.info = info
        self.words = words
        self.snapshot = snapshot
    }

    public var repository: HubRepository { snapshot.repository }

    public var commit: String { snapshot.commit }

    /// Not every caller may have it.
    public var isClosed: Bool { isHidden || info.isPrivate || info.gate != .open }

    /// Listed for a caller that may not know the content of its files.
    public var isMasked: Bool { snapshot.files.contains { $0.isLarge && $0.sha256 == nil } }
}

extension SnapshotFile {
    /// A Hub's identifier of its content; nil if that is hidden.
    public var content: HubContent? { sha256.map { .large($0) } ?? gitDigest.map { .small($0) } }
}
