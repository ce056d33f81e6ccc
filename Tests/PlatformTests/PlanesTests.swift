import Platform
import Support
import Testing

@Suite struct `The planes of elements` {
    static func split(
        _ plain: [UInt8], _ width: Int, isRotated: Bool = true, _ set: InstructionSet = .best
    ) -> [UInt8] {
        var planes = [UInt8](repeating: 0xaa, count: plain.count)
        var span = planes.mutableSpan
        Planes.split(plain.span, width: width, isRotated: isRotated, into: &span, with: set)
        return planes
    }

    static func merge(
        _ planes: [UInt8], _ width: Int, isRotated: Bool = true, _ set: InstructionSet = .best
    ) -> [UInt8] {
        var plain = [UInt8](repeating: 0xaa, count: planes.count)
        var span = plain.mutableSpan
        Planes.merge(planes.span, width: width, isRotated: isRotated, into: &span, with: set)
        return plain
    }

    @Test func `hold what the page of formats says`() {
        // 0x8001, 0x7f80 and a byte that is no whole element.
        #expect(Self.split([0x01, 0x80, 0x80, 0x7f, 9], 2) == [0x03, 0x00, 0x00, 0xff, 9])
        #expect(Self.split([0x01, 0x02, 0x03, 0x84], 4) == [0x03, 0x04, 0x06, 0x08])
        #expect(Self.split([1, 2, 3, 4, 5, 6, 7, 0x88, 1, 2, 3], 8) == [3, 4, 6, 8, 10, 12, 14, 16, 1, 2, 3])
        #expect(Self.split([1, 2, 3, 4, 5], 2, isRotated: false) == [1, 3, 2, 4, 5])
        #expect(Self.split([], 2) == [] && Self.split([7], 8) == [7])
    }

    @Test func `are the same with every instruction set, and merge to what was split`() {
        let seed = SeededNumbers.freshSeed()
        for size in Array(0..<70) + [127, 255, 256, 1000, 4095, 4099, 70001] {
            let plain = seededBytes(size, seed: seed)
            for width in Planes.widths {
                for isRotated in [false, true] {
                    let planes = Self.split(plain, width, isRotated: isRotated, .portable)
                    for set in InstructionSet.available {
                        let what: Comment = "seed \(seed), size \(size), width \(width), \(set), \(isRotated)"
                        #expect(Self.split(plain, width, isRotated: isRotated, set) == planes, what)
                        #expect(Self.merge(planes, width, isRotated: isRotated, set) == plain, what)
                    }
                }
            }
        }
    }
}
