internal import Model
internal import Platform
internal import Store
internal import Synchronization

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
    }

    deinit { files.cache.add(readers: -streams.withLock { $0.readers }) }

    package var size: UInt64 { parts.size }

    /// Calls back once with the bytes of a range, or that they cannot be read: at once, or on the thread that decoded
    /// them.
    package func read(from start: UInt64, count: Int, _ then: @escaping @Sendable (End) -> Void) {
        let end = min(
            size, start.addingReportingOverflow(UInt64(max(0, count))).overflow ? size : start + UInt64(count))
        let range = start..<max(start, end)
        // Before its pieces are taken: one that is stored as it is goes then.
        expect(range)
        FileRead(of: self, range, then).run()
    }

    func note(isRaw: Bool) { self.isRaw.store(isRaw, ordering: .relaxed) }

    private func expect(_ range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        let room = files.cache.room(upTo: OpenFile.mostPieces)
        let most = isRaw.load(ordering: .relaxed) ? ReadAhead.first : ReadAhead.most
        let (pieces, change) = streams.withLock { streams in
            let before = streams.readers
            let pieces = streams.next(after: range, upTo: most, atMost: room, among: parts)
            return (pieces, streams.readers - before)
        }
        if change != 0 { files.cache.add(readers: change) }
        if !pieces.isEmpty { files.cache.expect(pieces) }
    }
}
