internal import Model
internal import Store

/// Which ranges of a lazily read file are asked for, on their way and here, in pieces of the size that readers get.
struct LazyRanges: Sendable {
    /// Asked for, and neither here nor coming.
    private(set) var wanted = RangeSet<UInt64>()
    /// Where readers wait, the earliest first.
    private var urgent: [UInt64] = []
    private var coming = RangeSet<UInt64>()
    private(set) var here = RangeSet<UInt64>()
    private let size: UInt64

    /// Of one file.
    static let mostConnections = 8
    static let longest: UInt64 = 64 << 20
    static let shortest: UInt64 = 2 << 20
    private static let piece = UInt64(LayerReader.pieceSize)

    init(of size: UInt64) { self.size = size }

    var isWhole: Bool { here.length == size }

    /// Whether another connection, beside so many, would have something to do.
    func isWorth(another count: Int) -> Bool {
        !wanted.isEmpty && (wanted.length > UInt64(count) * LazyRanges.shortest || !urgent.isEmpty)
    }

    mutating func want(_ range: Range<UInt64>, isUrgent: Bool) {
        let piece = LazyRanges.piece
        let pieces = range.lowerBound / piece * piece..<min(size, (range.upperBound + piece - 1) / piece * piece)
        wanted.formUnion(RangeSet(pieces).subtracting(here).subtracting(coming))
        if isUrgent, wanted.contains(range.lowerBound) { urgent.append(range.lowerBound) }
    }

    /// These are known to be here, and nothing else.
    mutating func begin(having here: RangeSet<UInt64>) {
        (self.here, coming) = (here, RangeSet())
        wanted.subtract(here)
        urgent.removeAll { here.contains($0) }
    }

    mutating func arrived(_ bytes: Range<UInt64>) {
        here.insert(contentsOf: bytes)
        coming.remove(contentsOf: bytes)
    }

    /// The rest of a run does not come: it is asked for again, or its readers get an error.
    mutating func stopped(_ run: Range<UInt64>, asksAgain: Bool) {
        coming.remove(contentsOf: run)
        if asksAgain {
            wanted.formUnion(RangeSet(run).subtracting(here))
        } else {
            forgetWishes()
        }
    }

    mutating func forgetWishes() { (wanted, urgent) = (RangeSet(), []) }

    /// The next run for a connection: where a reader waits, if one does. Runs are short for one reader of pages, and longer
    /// the more is wanted. `comesWhole`: the server sends the file from its beginning, whatever is asked for.
    mutating func next(comesWhole: Bool) -> Range<UInt64>? {
        guard let run = run(comesWhole) else { return nil }
        wanted.remove(contentsOf: run)
        coming.insert(contentsOf: run)
        urgent.removeAll { run.contains($0) }
        return run
    }

    private mutating func run(_ comesWhole: Bool) -> Range<UInt64>? {
        guard var run = wanted.ranges.first else { return nil }
        if comesWhole { return coming.isEmpty ? here.end(from: 0)..<size : nil }
        if let place = urgent.first, let found = wanted.ranges.first(where: { $0.contains(place) }) {
            run = max(found.lowerBound, place / LazyRanges.piece * LazyRanges.piece)..<found.upperBound
        }
        let share = wanted.length / UInt64(2 * LazyRanges.mostConnections) / LazyRanges.piece * LazyRanges.piece
        let length = min(max(share, LazyRanges.shortest), LazyRanges.longest)
        return run.lowerBound..<min(run.upperBound, run.lowerBound + length)
    }
}
