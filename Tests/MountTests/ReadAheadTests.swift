import Model
import Platform
import Store
import Support
import Testing

@testable import Mount

@Suite struct `Read-ahead` {
    private static let megabyte: UInt64 = 1 << 20

    @Test func `begins at the second of two reads that follow each other, and doubles`() {
        var ahead = ReadAhead()
        #expect(ahead.note(0..<Self.megabyte) == Self.megabyte)
        #expect(ahead.window == 0)
        #expect(ahead.note(Self.megabyte..<2 * Self.megabyte) == 10 * Self.megabyte)
        var widest: [UInt64] = []
        for place in 2..<400 as Range<UInt64> {
            _ = ahead.note(place * Self.megabyte..<(place + 1) * Self.megabyte)
            if widest.last != ahead.window { widest.append(ahead.window) }
        }
        #expect(widest == [8, 16, 32, 64, 128].map { $0 * Self.megabyte })
    }

    @Test func `is kept by a skip of 16 MiB and by reads that overtake each other, and ended by a jump`() {
        var ahead = ReadAhead()
        _ = ahead.note(0..<100)
        _ = ahead.note(100..<200)
        _ = ahead.note(200 + ReadAhead.skip..<300 + ReadAhead.skip)
        #expect(ahead.window == ReadAhead.first)
        _ = ahead.note(250 + ReadAhead.skip..<280 + ReadAhead.skip)
        #expect(ahead.window > 0)
        _ = ahead.note(400 + 3 * ReadAhead.skip..<500 + 3 * ReadAhead.skip)
        #expect(ahead.window == 0)
    }

    @Test func `is not begun by reads here and there`() {
        var ahead = ReadAhead()
        for place in [5, 900, 17, 3, 40_000, 39_000] as [UInt64] {
            #expect(ahead.note(place << 12..<(place + 1) << 12) == (place + 1) << 12)
        }
        #expect(ahead.window == 0)
    }

    /// A file of one layer.
    private static func parts(megabytes: UInt64) -> FileParts {
        FileParts(
            [.layer(Layer(digest: SHA256.digest(of: [1].span), size: megabytes << 20))],
            making: BackgroundWork("nothing", on: testPool))
    }

    @Test func `requests each piece once, and no more than there is room for`() {
        let parts = Self.parts(megabytes: 300)
        var ahead = ReadAhead()
        var requested: [Int] = []
        for place in 0..<300 as Range<UInt64> {
            let read = place * Self.megabyte..<(place + 1) * Self.megabyte
            let pieces = ahead.next(after: read, upTo: ReadAhead.most, atMost: 20, among: parts).map(\.index)
            requested += pieces
            #expect(requested.count <= Int(place) + 20)
        }
        #expect(requested == Array(0..<300))
    }

    @Test func `goes no further than it is told`() {
        let parts = Self.parts(megabytes: 300)
        var ahead = ReadAhead()
        for place in 0..<200 as Range<UInt64> {
            let read = place * Self.megabyte..<(place + 1) * Self.megabyte
            let last = ahead.next(after: read, upTo: ReadAhead.first, atMost: 128, among: parts).last
            #expect(last.map { $0.index <= place + 8 } ?? (place == 0))
        }
        #expect(ahead.window == ReadAhead.most)
    }

    @Test func `begins again after a jump, with what was requested before`() {
        let parts = Self.parts(megabytes: 300)
        var ahead = ReadAhead()
        func next(_ megabyte: UInt64) -> [Int] {
            let read = megabyte * Self.megabyte..<(megabyte + 1) * Self.megabyte
            return ahead.next(after: read, upTo: ReadAhead.most, atMost: 128, among: parts).map(\.index)
        }
        _ = (next(100), next(101), next(102))
        #expect(next(0) == [0])
        #expect(next(1) == Array(1..<10))
    }

    @Test func `is kept for each of the places where threads read at once`() {
        let parts = Self.parts(megabytes: 300)
        var streams = ReadStreams()
        func next(_ megabyte: UInt64) -> [Int] {
            let read = megabyte * Self.megabyte..<(megabyte + 1) * Self.megabyte
            return streams.next(after: read, upTo: ReadAhead.most, atMost: 128, among: parts).map(\.index)
        }
        _ = (next(0), next(100), next(200))
        #expect([next(1), next(101), next(201)] == [Array(1..<10), Array(101..<110), Array(201..<210)])
        #expect(streams.readers == 3)
        #expect([next(2), next(102), next(202)] == [[10], [110], [210]])
    }

    @Test func `outlives reads here and there, but not for long`() {
        let parts = Self.parts(megabytes: 300)
        var streams = ReadStreams()
        func next(_ megabyte: UInt64) -> [Int] {
            let read = megabyte * Self.megabyte..<(megabyte + 1) * Self.megabyte
            return streams.next(after: read, upTo: ReadAhead.most, atMost: 128, among: parts).map(\.index)
        }
        _ = (next(0), next(1))
        for place in 0..<20 as Range<UInt64> { #expect(next(290 - 3 * place) == [Int(290 - 3 * place)]) }
        #expect(next(2) == [10])
        #expect(streams.readers == 1)
        for place in 0..<300 as Range<UInt64> { _ = next(290 - 3 * (place % 80)) }
        #expect(streams.readers == 0)
    }
}
