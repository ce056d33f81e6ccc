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
    private let ahead = Mutex(ReadAhead())
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

    deinit { if ahead.withLock({ $0.window }) > 0 { files.cache.add(readers: -1) } }

    package var size: UInt64 { parts.size }

    /// Calls back once with the bytes of a range, or that they cannot be read: at once, or on the thread that decoded
    /// them.
    /// `waits` is called before a read waits for a server.
    package func read(
        from start: UInt64, count: Int, waits: @escaping @Sendable () -> Void = {},
        _ then: @escaping @Sendable (End) -> Void
    ) {
        let end = min(
            size, start.addingReportingOverflow(UInt64(max(0, count))).overflow ? size : start + UInt64(count))
        let range = start..<max(start, end)
        FileRead(of: self, range, waits: waits, then).run()
        expect(after: range)
    }

    func note(isRaw: Bool) { self.isRaw.store(isRaw, ordering: .relaxed) }

    private func expect(after range: Range<UInt64>) {
        guard !range.isEmpty else { return }
        let room = files.cache.room(upTo: OpenFile.mostPieces)
        let most = isRaw.load(ordering: .relaxed) ? ReadAhead.first : ReadAhead.most
        let (pieces, change) = ahead.withLock { ahead in
            let before = ahead.window > 0
            let pieces = ahead.next(after: range, upTo: most, atMost: room, among: parts)
            return (pieces, (ahead.window > 0 ? 1 : 0) - (before ? 1 : 0))
        }
        if change != 0 { files.cache.add(readers: change) }
        if !pieces.isEmpty { files.cache.expect(pieces) }
        if let lazy = parts.lazyFile { expect(of: lazy, after: range.upperBound) }
    }

    private func expect(of lazy: LazyFile, after place: UInt64) {
        let (end, run) = ahead.withLock { ($0.reach, $0.run) }
        if end > place { lazy.expect(place..<end, afterReading: run) }
    }
}
