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
}
