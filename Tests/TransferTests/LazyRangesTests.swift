import Model
import Testing

@testable import Transfer

@Suite struct `The ranges of a lazily read file` {
    private let piece: UInt64 = 1 << 20

    /// All runs that are next, each of which arrives.
    private func runs(_ ranges: inout LazyRanges, comesWhole: Bool = false) -> [Range<UInt64>] {
        var runs: [Range<UInt64>] = []
        while let run = ranges.next(comesWhole: comesWhole) {
            runs.append(run)
            ranges.arrived(run)
        }
        return runs
    }

    @Test func `are whole pieces, and end with the file`() {
        var ranges = LazyRanges(of: 5 * piece + 3)
        ranges.want(10..<11, isUrgent: true)
        #expect(runs(&ranges) == [0..<piece])
        ranges.want(5 * piece + 1..<5 * piece + 2, isUrgent: true)
        #expect(runs(&ranges) == [5 * piece..<5 * piece + 3])
        ranges.want(0..<piece, isUrgent: true)
        #expect(runs(&ranges).isEmpty)
        ranges.want(0..<5 * piece + 3, isUrgent: false)
        #expect(runs(&ranges) == [piece..<3 * piece, 3 * piece..<5 * piece])
        #expect(ranges.isWhole)
    }

    @Test func `come first where a reader waits`() {
        var ranges = LazyRanges(of: 1000 * piece)
        ranges.want(0..<100 * piece, isUrgent: false)
        ranges.want(50 * piece + 7..<51 * piece, isUrgent: true)
        #expect(ranges.next(comesWhole: false)?.lowerBound == 50 * piece)
        #expect(ranges.next(comesWhole: false)?.lowerBound == 0)
    }

    @Test func `get longer the more is wanted, and never too long`() {
        for (wanted, longest) in [(1, 1), (3, 2), (160, 10), (100_000, 64)] as [(UInt64, UInt64)] {
            var ranges = LazyRanges(of: 200_000 * piece)
            ranges.want(0..<wanted * piece, isUrgent: false)
            #expect(ranges.next(comesWhole: false) == 0..<longest * piece, "\(wanted)")
        }
    }

    @Test func `are asked for again when their server was late, and not when it failed`() {
        for isLate in [true, false] {
            var ranges = LazyRanges(of: 4 * piece)
            ranges.want(0..<2 * piece, isUrgent: true)
            let run = 0..<2 * piece
            #expect(ranges.next(comesWhole: false) == run)
            ranges.arrived(0..<100)
            ranges.stopped(run, asksAgain: isLate)
            #expect(ranges.next(comesWhole: false) == (isLate ? 100..<2 * piece : nil))
        }
    }

    @Test func `go to the end of the file, one at a time, from a server that sends all of it`() {
        var ranges = LazyRanges(of: 9 * piece)
        ranges.begin(having: RangeSet(0..<50))
        ranges.want(4 * piece..<5 * piece, isUrgent: true)
        #expect(ranges.next(comesWhole: true) == 50..<9 * piece)
        ranges.want(0..<9 * piece, isUrgent: true)
        #expect(ranges.next(comesWhole: true) == nil)
    }

    @Test func `are worth as many connections as there are bytes for`() {
        var ranges = LazyRanges(of: 1000 * piece)
        #expect(!ranges.isWorth(another: 0))
        ranges.want(0..<5 * piece, isUrgent: false)
        #expect([0, 1, 2, 3].map(ranges.isWorth) == [true, true, true, false])
        ranges.want(0..<1, isUrgent: true)
        #expect(ranges.isWorth(another: 7))
    }
}
