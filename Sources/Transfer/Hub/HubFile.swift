internal import Model
internal import Platform
internal import Synchronization

/// A file on the Hub and where its bytes are at the moment.
final class HubFile: Sendable {
    let listed: SnapshotFile
    private let source: HubSource
    private let snapshot: Snapshot
    private let address: Mutex<RemoteAddress?>
    private let wholeOnly = Atomic<Bool>(false)

    /// The server was seen to ignore ranges: such a file comes in one piece.
    var comesWhole: Bool { wholeOnly.load(ordering: .relaxed) }

    init(_ listed: SnapshotFile, in snapshot: Snapshot, from source: HubSource) {
        self.listed = listed
        self.snapshot = snapshot
        self.source = source
        address = Mutex(nil)
    }

    /// What the server said that the file's SHA-256 is when it was asked for its address; for a listing that hides it.
    var announced: Digest? { address.withLock { $0?.etag }.flatMap { Digest(hex: $0.filter { $0 != "\"" }) } }

    /// Opens a run of the file. An address that has expired is asked for once more.
    func open(_ range: Range<UInt64>) async throws -> OpenedRun {
        for attempt in 0..<2 {
            let used = try await currentAddress()
            switch try await source.open(range, of: listed, at: used) {
            case .partial(let exchange): return OpenedRun(exchange)
            case .whole(let exchange):
                if range != 0..<listed.size { wholeOnly.store(true, ordering: .relaxed) }
                return try await opened(exchange, droppingFirst: range.lowerBound)
            case .expired(let status):
                // Another connection may have got a new one meanwhile.
                address.withLock { address in if address?.url == used.url { address = nil } }
                guard attempt == 0 else {
                    let answer = HubAnswer(status: status.code, body: Span())
                    throw answer.error(to: source.question(snapshot.repository, snapshot.commit, listed.path))
                }
            }
        }
        throw CakeError(.network, "\(listed.path): its address expires as soon as it is given")
    }

    @discardableResult
    func currentAddress() async throws -> RemoteAddress {
        if let known = address.withLock({ $0 }) { return known }
        let found = try await source.address(of: listed, in: snapshot)
        if let sha256 = listed.sha256, let etag = found.etag, let named = Digest(hex: etag.filter { $0 != "\"" }),
            named != sha256
        {
            throw CakeError(
                .damaged,
                "\(listed.path) changed under commit \(snapshot.commit.prefix(7)): it is \(named.short) now, and was listed as \(sha256.short)",
                fix: "run it again; if it stays so, the server's listing is wrong")
        }
        address.withLock { $0 = found }
        return found
    }

    /// A server that ignores ranges sends everything: what comes before the run is read and dropped.
    private func opened(_ exchange: HTTPExchange, droppingFirst count: UInt64) async throws -> OpenedRun {
        var left = count
        while left > 0 {
            guard let chunk = try await TransientFailure.naming({ try await exchange.next() }) else {
                throw TransientFailure(CakeError(.network, "\(listed.path): the server ended the answer early"))
            }
            defer { exchange.giveBack(chunk) }
            guard UInt64(chunk.count) <= left else { return OpenedRun(exchange, after: Int(left), of: chunk) }
            left -= UInt64(chunk.count)
        }
        return OpenedRun(exchange)
    }
}

/// An answer from the first byte on that was asked for.
final class OpenedRun: Sendable {
    private let exchange: HTTPExchange
    /// What is left of a chunk whose beginning was dropped.
    private let rest: Mutex<Chunk?>

    init(_ exchange: HTTPExchange) {
        self.exchange = exchange
        rest = Mutex(nil)
    }

    init(_ exchange: HTTPExchange, after dropped: Int, of chunk: Chunk) {
        self.exchange = exchange
        rest = Mutex(chunk.withBytes { Chunk(copying: $0.extracting(dropped..<$0.count)) })
    }

    func next() async throws -> Chunk? {
        let first = rest.withLock { rest in
            defer { rest = nil }
            return rest
        }
        if let first { return first }
        return try await TransientFailure.naming { try await exchange.next() }
    }

    func giveBack(_ chunk: Chunk) { exchange.giveBack(chunk) }
}

extension HubFile {
    /// A short run, in memory. What came before a failure is kept: the next try goes on there.
    func bytes(_ range: Range<UInt64>) async throws -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(range.count)
        _ = try await bring(range) { chunk, part in
            chunk.withBytes { piece in
                let wanted = piece.extracting(first: part.count)
                for index in wanted.indices { bytes.append(wanted[index]) }
            }
        }
        return bytes
    }
}
