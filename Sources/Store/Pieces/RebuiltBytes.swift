public import Model
internal import Platform
internal import Synchronization

/// A range of a file, rebuilt from its layers while it is sent. No file is written.
public final class RebuiltBytes: Sendable {
    private let cache: PieceCache
    private let reader: LayerReader
    /// Keeps the layers until the last byte is read.
    private let held: Operation?
    private let pieces: PieceReader
    private let range: Range<UInt64>
    private let isFailed = Atomic(false)

    public convenience init(_ range: Range<UInt64>, of file: Manifest.File, through cache: PieceCache) {
        self.init(range, of: file.segments.map(\.layer), through: cache, by: cache.reader, holding: nil)
    }

    package convenience init(
        _ range: Range<UInt64>, of file: Manifest.File, through cache: PieceCache, by reader: LayerReader,
        holding held: Operation?
    ) {
        self.init(range, of: file.segments.map(\.layer), through: cache, by: reader, holding: held)
    }

    /// A single layer.
    public convenience init(_ layer: Layer, through cache: PieceCache) {
        self.init(0..<layer.size, of: [layer], through: cache, by: cache.reader, holding: nil)
    }

    /// Of layers one after the other.
    init(
        _ range: Range<UInt64>, of layers: [Layer], through cache: PieceCache, by reader: LayerReader,
        holding held: Operation?
    ) {
        self.cache = cache
        self.reader = reader
        self.held = held
        self.range = range
        pieces = PieceReader(layers, by: reader)
        cache.add(readers: 1)
    }

    deinit { cache.add(readers: -1) }

    public var count: UInt64 { range.upperBound - range.lowerBound }

    /// Copies ready bytes from a position of the range on into the room; 0 if there are none yet, nil if they cannot be
    /// read. Never waits.
    public func take(into room: inout MutableSpan<UInt8>, from position: UInt64) -> Int? {
        guard !isFailed.load(ordering: .acquiring) else { return nil }
        var done = 0
        var place = range.lowerBound + position
        let end = min(range.upperBound, place + UInt64(room.count))
        while place < end {
            let (key, offset) = self.key(at: place)
            var part = room._mutatingExtracting(done..<done + Int(end - place))
            guard let count = cache.copy(key, from: offset, into: &part) else { break }
            // A piece is as long as its layer says, or it could not have been read.
            guard count > 0 else { return nil }
            done += count
            place += UInt64(count)
        }
        expect(from: place)
        return done
    }

    /// Calls back once, when there are bytes at that position, or never will be.
    public func wait(for position: UInt64, _ then: @escaping @Sendable () -> Void) {
        cache.wait(for: key(at: range.lowerBound + position).key, by: reader) { end in
            if case .failure = end { self.isFailed.store(true, ordering: .releasing) }
            then()
        }
    }

    private func expect(from place: UInt64) {
        guard place < range.upperBound else { return }
        let first = pieces.piece(at: place).number
        cache.expect(by: reader) { ahead in
            let number = first + ahead
            guard number < pieces.count, pieces.start(of: number) < range.upperBound else { return nil }
            return PieceCache.Key(piece: pieces[number], source: reader.index)
        }
    }

    private func key(at place: UInt64) -> (key: PieceCache.Key, offset: Int) {
        let (number, offset) = pieces.piece(at: place)
        return (PieceCache.Key(piece: pieces[number], source: reader.index), offset)
    }
}
