package import Model
internal import Platform
internal import Synchronization

/// A file on the Hub and where its bytes are at the moment.
package final class HubFile: RangeSource {
    package let listed: SnapshotFile
    private let source: HubSource
    private let snapshot: Snapshot
    private let address: Mutex<RemoteAddress?>
    private let wholeOnly = Atomic<Bool>(false)
    private let givenUp = Atomic<Bool>(false)
    private let near: (any NearServers)?
    /// The same file on each of these servers.
    private let copies: [HubFile]

    package var label: String { "\(listed.path)" }

    package var line: Line { source.line }

    package var comesWhole: Bool { wholeOnly.load(ordering: .relaxed) }

    /// A file without a digest from the Hub is requested only from the Hub.
    package init(
        _ listed: SnapshotFile, in snapshot: Snapshot, from source: HubSource, through near: (any NearServers)? = nil
    ) {
        self.listed = listed
        self.snapshot = snapshot
        self.source = source
        address = Mutex(nil)
        self.near = listed.sha256 == nil && listed.gitDigest == nil ? nil : near
        copies = (self.near?.sources ?? []).map { HubFile(listed, in: snapshot, from: $0) }
    }

    /// It is not asked for where it is any more.
    var isGivenUp: Bool { givenUp.load(ordering: .relaxed) }

    func giveUp() { givenUp.store(true, ordering: .relaxed) }

    /// Why a server of the ring sends nothing at that byte.
    func reason(at position: UInt64, by server: PeerServer, within patience: Duration) async -> PeerServer.Reason {
        await server.reason(position, of: listed, in: snapshot, within: patience)
    }

    /// The SHA-256 that the server gave with the file's address; for a listing that hides it.
    package var announced: Digest? { address.withLock { $0?.etag }.flatMap { Digest(hex: $0.filter { $0 != "\"" }) } }

    /// Opens a run of the file. An expired address is requested again.
    package func open(_ range: Range<UInt64>) async throws -> OpenedRun {
        if let run = try await near?.open(range, of: listed, copies: copies) { return run }
        for attempt in 0..<2 {
            let used = try await currentAddress()
            switch try await source.open(range, of: listed, at: used) {
            case .partial(let exchange): return OpenedRun(exchange)
            case .whole(let exchange):
                if range != 0..<listed.size { wholeOnly.store(true, ordering: .relaxed) }
                return try await OpenedRun(exchange, of: label, droppingFirst: range.lowerBound)
            case .expired(let status):
                // Another connection may have got a new one meanwhile.
                address.withLock { address in if address?.url == used.url { address = nil } }
                guard attempt == 0 else {
                    let answer = HubAnswer(status: status, body: Span())
                    throw answer.error(to: source.question(snapshot.repository, snapshot.commit, listed.path))
                }
            }
        }
        throw CakeError(.network, "\(listed.path): its address expires at once")
    }

    /// Requests the address of its bytes, and compares the answer with the listing.
    package func locate() async throws { _ = try await currentAddress() }

    private func currentAddress() async throws -> RemoteAddress {
        if let known = address.withLock({ $0 }) { return known }
        let found = try await source.address(of: listed, in: snapshot)
        if let sha256 = listed.sha256, let etag = found.etag, let named = Digest(hex: etag.filter { $0 != "\"" }),
            named != sha256
        {
            throw CakeError(
                .damaged,
                "\(listed.path) changed at commit \(snapshot.commit.prefix(7)): it is now \(named.short), and was listed as \(sha256.short)",
                fix: "run it again; if the error stays, the server's listing is wrong")
        }
        address.withLock { $0 = found }
        return found
    }
}
