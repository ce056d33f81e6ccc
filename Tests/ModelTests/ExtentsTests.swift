import Model
import Support
import Testing

@Suite struct `A row of extents` {
    @Test func `says where each lies and which has a byte`() {
        let extents = Extents([3, 0, 5, 0], from: 10)
        #expect(Array(extents) == [10..<13, 13..<13, 13..<18, 18..<18] && extents.whole == 10..<18)
        #expect((10..<18).map { extents.index(at: $0) } == [0, 0, 0, 2, 2, 2, 2, 2])
        #expect(extents.index(at: 0) == 0 && extents.index(at: 18) == 3 && extents.index(at: 100) == 3)
        let none = Extents([])
        #expect(none.isEmpty && none.whole == 0..<0 && none.index(at: 7) == 0 && none.parts(of: 0..<7).isEmpty)
    }

    @Test func `takes a range apart as counting byte by byte does`() {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        for _ in 0..<300 {
            let lengths = (0..<Int.random(in: 0...8, using: &numbers)).map { _ in
                UInt64.random(in: 0...4, using: &numbers)
            }
            let start = UInt64.random(in: 0...3, using: &numbers)
            let extents = Extents(lengths, from: start)
            let owners = lengths.enumerated().flatMap { index, length in (0..<length).map { (index, $0) } }
            let end = start + UInt64(owners.count)
            for (place, owner) in zip(start..<end, owners) {
                #expect(extents.index(at: place) == owner.0, "seed \(seed)")
            }
            let first = UInt64.random(in: 0...end + 2, using: &numbers)
            let range = first..<UInt64.random(in: first...end + 4, using: &numbers)
            let found = extents.parts(of: range).flatMap { part in part.bytes.map { (part.index, $0) } }
            let expected = zip(start..<end, owners).filter { range.contains($0.0) }.map(\.1)
            let isSame = found.elementsEqual(expected, by: ==)
            #expect(isSame, "seed \(seed): \(lengths) from \(start), \(range)")
            #expect(extents.parts(of: range).allSatisfy { !$0.bytes.isEmpty })
        }
    }

    @Test func `is searched by halves`() {
        for count in 0..<20 {
            for first in 0...count { #expect((0..<count).partitioningIndex { $0 >= first } == first) }
        }
        #expect([1, 3, 3, 7][1...].partitioningIndex { $0 > 3 } == 3)
    }
}
