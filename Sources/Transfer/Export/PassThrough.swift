internal import Model
internal import Platform
internal import Remote

/// Files of the Hub as a stream: downloaded in pieces over several connections, passed on in order, and not stored. The
/// end of each file waits until its hash matches.
struct PassThrough: Sendable {
    struct Item: Sendable {
        let file: HubFile
        /// Its beginning, if it was read before. It must come again.
        var header: Layer?

        var size: UInt64 { file.listed.size }
    }

    let items: [Item]
    let mostConnections: Int
    let throttle: Throttle?
    let pool: BlockingPool
    let progress: Progress

    static let pieceSize: UInt64 = 4 << 20

    /// `finished` gets a file's digest before its last bytes are passed on.
    func callAsFunction(
        to sink: (Span<UInt8>) throws -> Void, finished: (Digest) -> Void = { _ in }
    ) async throws {
        guard let first = items.first else { return }
        var number = 0
        var passing = PassingFile(first)
        func settle() throws {
            while number < items.count, passing.isAtEnd {
                try passing.finish(to: sink, telling: finished)
                progress.finished()
                number += 1
                if number < items.count { passing = PassingFile(items[number]) }
            }
        }
        func take(_ bytes: Span<UInt8>) throws {
            try passing.take(bytes, to: sink)
            progress.did(bytes: UInt64(bytes.count))
            try settle()
        }
        try settle()
        let chunks = ChunkPool(chunkCapacity: Int(PassThrough.pieceSize))
        var watched = WatchedConnections(most: mostConnections)
        for batch in batches() {
            if batch.comesWhole, let only = batch.items.first {
                // In pieces its beginning would come with each.
                _ = try await items[only].file.bring(0..<items[only].size) { chunk, bytes in
                    try chunk.withBytes { try take($0.extracting(first: bytes.count)) }
                    if let throttle { try await throttle.take(UInt64(bytes.count)) }
                }
                continue
            }
            let pieces = Extents(batch.items.lazy.map { (items[$0].size - 1) / PassThrough.pieceSize + 1 })
            try await inOrder(Int(pieces.whole.upperBound), atOnce: watched.wanted, on: pool) { index in
                let chunk = chunks.take()
                let place = pieces.index(at: UInt64(index))
                let item = items[batch.items[place]]
                let start = (UInt64(index) - pieces[place].lowerBound) * PassThrough.pieceSize
                let end = min(start + PassThrough.pieceSize, item.size)
                let suffered = try await item.file.fill(chunk, with: start..<end)
                if let throttle { try await throttle.take(UInt64(chunk.count)) }
                return (chunk, suffered)
            } take: { _, piece in
                let (chunk, suffered) = piece
                defer { chunks.giveBack(chunk) }
                watched.took(UInt64(chunk.count), suffered: suffered)
                try chunk.withBytes { try take($0) }
            }
        }
    }

    /// Files whose pieces are downloaded side by side; a file that comes only whole is alone. The pieces are counted
    /// and not listed: their number is a server's claim.
    private struct Batch: Sendable {
        let comesWhole: Bool
        var items: [Int] = []
    }

    private func batches() -> [Batch] {
        var batches: [Batch] = []
        for (index, item) in items.enumerated() where item.size > 0 {
            let comesWhole = item.file.comesWhole
            if comesWhole || batches.last?.comesWhole != false { batches.append(Batch(comesWhole: comesWhole)) }
            batches[batches.count - 1].items.append(index)
        }
        return batches
    }
}

/// How many connections are worth their cost, by the bytes since the last look.
private struct WatchedConnections {
    private var count: ConnectionCount
    private var bytes: UInt64 = 0
    private var since = ContinuousClock.now

    private static let observation = Duration.milliseconds(500)

    init(most: Int) { count = ConnectionCount(most: most) }

    var wanted: Int { count.wanted }

    /// Pieces are counted as they are taken: a slow reader does not cause more connections.
    mutating func took(_ more: UInt64, suffered: Bool) {
        bytes += more
        if suffered { count.suffer() }
        let elapsed = ContinuousClock.now - since
        guard elapsed >= WatchedConnections.observation else { return }
        count.observe(bytesPerSecond: Double(bytes) / (elapsed / .seconds(1)))
        (bytes, since) = (0, .now)
    }
}

/// A file whose bytes pass in order. The last are held until its hash matches.
private final class PassingFile {
    private let item: PassThrough.Item
    private var running: PullWork.Running?
    private var header: SHA256?
    private var headerLeft: UInt64
    private var passed: UInt64 = 0
    private var held: HeldTail

    init(_ item: PassThrough.Item) {
        self.item = item
        held = HeldTail(of: item.size)
        running = PullWork.Running(item.file.listed)
        header = SHA256()
        headerLeft = item.header?.size ?? 0
    }

    var isAtEnd: Bool { passed == item.size }

    func take(_ bytes: Span<UInt8>, to sink: (Span<UInt8>) throws -> Void) throws {
        running?.update(bytes)
        try check(bytes.extracting(first: Int(min(headerLeft, UInt64(bytes.count)))))
        passed += UInt64(bytes.count)
        try held.take(bytes, to: sink)
    }

    func finish(to sink: (Span<UInt8>) throws -> Void, telling finished: (Digest) -> Void) throws {
        guard let hashes = running.take()?.finish(),
            hashes.isAsPublished(item.file.listed, announced: item.file.announced)
        else { throw refuse("does not match its published hash") }
        finished(hashes.sha256)
        let last = held.bytes
        try sink(last.span)
    }

    /// Results from the first header hold only if the streamed header is the same.
    private func check(_ bytes: Span<UInt8>) throws {
        guard let known = item.header, headerLeft > 0 else { return }
        header?.update(bytes)
        headerLeft -= UInt64(bytes.count)
        guard headerLeft == 0 else { return }
        guard header.take()?.finish() == known.digest else { throw refuse("changed while it was read") }
    }

    private func refuse(_ why: String) -> CakeError {
        CakeError(
            .damaged, "\(item.file.listed.path) \(why); the stream ends early",
            fix:
                "delete the output and run it again; if the error stays, the publisher's file or a proxy is broken"
        )
    }
}
