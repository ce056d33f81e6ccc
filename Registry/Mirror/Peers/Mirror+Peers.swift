public import Model
internal import Platform
internal import Remote
internal import Storage
internal import Store
internal import Transfer

/// Files for other servers of the ring. Each server asks the upstream about its own client before it asks a peer: a peer
/// gets every file of the upstream's models that is here, and no other.
extension Mirror {
    /// A file that a peer asked for.
    public struct PeerFile: Sendable {
        fileprivate enum Place: Sendable {
            case found(Found)
            /// It would be downloaded.
            case listed(SnapshotFile, HubListing)
        }

        public let size: UInt64
        /// Nil where it is known only to callers with access.
        public let content: HubContent?
        fileprivate let place: Place
    }

    /// To be called now and then.
    public func look() {
        peers?.look()
        publishLater()
    }

    /// Nothing is downloaded yet.
    public func file(at path: FilePath, of repository: HubRepository, commit: String) async throws -> PeerFile {
        guard settings.names.allow(repository),
            try models.made(repository, commit, unless: { settings.upstream.gave($0) }) == nil
        else { throw HubRefusal.noRepository }
        if let arriving = transfers.file(Transfers.Key(path, of: repository, at: commit)) {
            return PeerFile(size: arriving.size, content: nil, place: .found(.arriving(arriving)))
        }
        if case .model(let model) = try models.find(repository, commit), model.record.commit == commit,
            !model.record.isPartial, let file = try models.file(at: path.string, of: model)
        {
            return PeerFile(
                size: file.file.size, content: file.content,
                place: .found(.here(file.file, model)))
        }
        // As this server alone: no client's token comes along. A closed model that it may not read is not here.
        questions.begin(repository, commit)
        defer { questions.end(repository, commit) }
        let listing = try await listing(of: repository, commit, for: Mirror.peer)
        guard let file = listing.snapshot.file(at: path) else { throw HubRefusal.noFile }
        return PeerFile(size: file.size, content: file.content, place: .listed(file, listing))
    }

    private static let peer = UpstreamIdentity(token: nil, isTrusted: true)

    /// From the store, a running transfer, or the upstream, and never from another peer.
    public func found(
        _ file: PeerFile, at path: FilePath, of repository: HubRepository, commit: String
    ) throws -> Found {
        try transfers.isAskedByPeer(Transfers.Key(path, of: repository, at: commit)) {
            switch file.place {
            case .found(let found): found
            case .listed(let file, let listing): try self.file(file, of: listing, for: Mirror.peer)
            }
        }
    }

    /// Whether that byte of a file, or what the upstream says of the file, has to come yet.
    public func waits(for position: UInt64, at path: FilePath, of repository: HubRepository, commit: String) -> Bool {
        if questions.has(repository, commit) { return true }
        guard let arriving = transfers.file(Transfers.Key(path, of: repository, at: commit)),
            case .nothing = arriving.look(at: position, holdingBack: true).availability
        else { return false }
        return true
    }

    /// The peers that are asked for the files of a transfer; nil if this server downloads them from the upstream.
    func copies(for transfer: Transfers.Transfer, of listing: HubListing) async -> PeerCopies? {
        guard let peers, let first = transfer.files.first, case .hub = settings.upstream,
            transfers.mayAskPeers(for: transfer)
        else { return nil }
        let key = PeerRing.key(
            first.listed.path, size: first.listed.size, of: listing.repository, at: listing.commit)
        let servers = await peers.before(key)
        guard servers.contains(where: \.answers) else { return nil }
        let patience = PeerCopies.Patience(usual: peers.settings.patience, longest: peers.settings.longestWait)
        return PeerCopies(servers, patience: patience) { [transfers] in
            transfers.mayAskPeers(for: transfer)
        } hears: { [counts] event in
            switch event {
            case .came(let bytes): counts.fromPeers.add(UInt64(bytes))
            case .passedOver: counts.passedOver.add(1)
            }
        }
    }
}
