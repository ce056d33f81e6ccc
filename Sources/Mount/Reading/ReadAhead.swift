internal import Store

/// How far ahead of a file's reader pieces are decoded: not at all for reads here and there, then further the longer it
/// reads in order.
struct ReadAhead {
    static let first: UInt64 = 8 << 20
    static let most: UInt64 = 128 << 20
    /// So far a reader may skip, and stays one that reads in order. The kernel's own reads overtake each other, so some
    /// of that holds backwards too.
    static let skip: UInt64 = 16 << 20
    static let back: UInt64 = 4 << 20

    /// 0 until the second of two reads that follow each other.
    private(set) var window: UInt64 = 0
    /// Where the furthest read ended; nil before the first.
    private var end: UInt64?
    /// When so many more bytes were read, the window is doubled. Skipped bytes do not count.
    private var left: UInt64 = 0
    /// How much was read in order.
    private(set) var run: UInt64 = 0
    /// Where pieces end that were requested and are not reached yet.
    private var requested: [UInt64] = []

    /// Notes a read; returns the pieces that should be requested now. No more than `count` are ahead of the reader.
    mutating func next(after range: Range<UInt64>, upTo most: UInt64, atMost count: Int, among parts: FileParts)
        -> [PieceReader.Piece]
    {
        let end = note(range, upTo: most)
        requested.removeFirst(requested.firstIndex { $0 > range.lowerBound } ?? requested.count)
        let start = max(range.lowerBound, requested.last ?? 0)
        guard start < end, requested.count < count else { return [] }
        let pieces = parts.pieces(of: start..<end, atMost: count - requested.count)
        if window > 0 { requested += pieces.lazy.map(\.end) }
        return pieces.map(\.piece)
    }

    /// Notes a read; returns where the bytes end that should be decoded now.
    mutating func note(_ range: Range<UInt64>, upTo most: UInt64 = ReadAhead.most) -> UInt64 {
        guard let end, distance(to: range) != nil else {
            self = ReadAhead()
            self.end = range.upperBound
            run = range.upperBound - range.lowerBound
            return range.upperBound
        }
        run += range.upperBound - range.lowerBound
        let furthest = max(end, range.upperBound)
        if window == 0 {
            window = ReadAhead.first
            left = window
        } else {
            let count = range.upperBound - range.lowerBound
            if count >= left { window = min(2 * window, ReadAhead.most) }
            left = count >= left ? window : left - count
        }
        self.end = furthest
        return furthest + min(window, most)
    }

    /// Where the bytes end that the reader is expected to read soon.
    var reach: UInt64 { (end ?? 0) + window }

    /// How far a read is from the end of the last one; nil if it does not belong to the same reading in order. Before
    /// there is a window, only one that begins there does.
    func distance(to range: Range<UInt64>) -> UInt64? {
        guard let end else { return nil }
        let isNear =
            window > 0
            ? range.lowerBound <= end + ReadAhead.skip && range.upperBound + ReadAhead.back >= end
            : range.lowerBound == end
        guard isNear else { return nil }
        return range.lowerBound >= end ? range.lowerBound - end : end - range.lowerBound
    }
}
