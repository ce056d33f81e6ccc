internal import Model
internal import Platform
internal import Store
internal import Synchronization
internal import Transfer

/// A file that a program has open: it stays readable until the program closes it, also when its model is removed.
package final class OpenFile: Sendable {
    package enum End: Sendable {
        case bytes(Answer)
        case unreadable
    }

    let path: String
    let model: ModelName?
    /// Whether its bytes are the same for ever, and the kernel may keep them.
    package let isFixed: Bool
    let parts: FileParts
    let files: OpenFiles
    let manifest: Digest?
    /// Keeps the layers.
    private let held: Operation?
    private let streams = Mutex(ReadStreams())
    /// Whether the piece that was read last is stored as it is.
    private let isRaw = Atomic(false)
    /// Of a file that is downloaded when it is read: which of its tries this reader began with.
    let round: Int?

    /// As many pieces as the widest window has; small layers have more.
    private static let mostPieces = Int(ReadAhead.most / UInt64(LayerReader.pieceSize))

    init(
        _ content: Content, at path: String, of model: ModelName?, isFixed: Bool, among files: OpenFiles,
        holding held: Operation?
    ) {
        self.path = path
        self.model = model
        self.isFixed = isFixed
        self.files = files
        self.held = held
        manifest = content.manifest
        parts = FileParts(content.parts, making: files.work)
        round = parts.lazyFile?.round
    }

    deinit { files.cache.add(readers: -streams.withLock { $0.readers }) }

    package var size: UInt64 { parts.size }

    /// Calls back once with the bytes of a range, or that they cannot be read: at once, or on the thread that made them.
    /// `waits` is called before a read waits for a server.
    package func read(
        from start: UInt64, count: Int, waits: @escaping @Sendable () -> Void = {},
        _ then: @escaping @Sendable (End) -> Void
    ) {
        let end = min(
            size, start.addingReportingOverflow(UInt64(max(0, count))).overflow ? size : start + UInt64(count))
        let range = start..<max(start, end)
        // Before its pieces are taken: one that is stored as it is goes then.
        let soon = expect(range)
        FileRead(of: self, range, waits: waits, then).run()
        if let soon, soon.end > range.upperBound {
            parts.lazyFile?.expect(range.upperBound..<soon.end, afterReading: soon.run)
        }
    }

    func note(isRaw: Bool) { self.isRaw.store(isRaw, ordering: .relaxed) }

    /// Returns where the bytes end that will be read soon, and how many were read in order before.
    private func expect(_ range: Range<UInt64>) -> (end: UInt64, run: UInt64)? {
        guard !range.isEmpty else { return nil }
        let room = files.cache.room(upTo: OpenFile.mostPieces)
        let most = isRaw.load(ordering: .relaxed) ? ReadAhead.first : ReadAhead.most
        let (pieces, change, soon) = streams.withLock { streams in
            let before = streams.readers
            let pieces = streams.next(after: range, upTo: most, atMost: room, among: parts)
            return (pieces, streams.readers - before, streams.latest.map { ($0.reach, $0.run) })
        }
        if change != 0 { files.cache.add(readers: change) }
        if !pieces.isEmpty { files.cache.expect(pieces) }
        return soon
    }
}
