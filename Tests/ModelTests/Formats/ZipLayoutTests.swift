import Support
import Testing

@testable import Model

@Suite struct `An archive's layout` {
    private static func layer(_ size: UInt64) -> Layer { Layer(digest: Digest(words: (size, 1, 2, 3)), size: size) }

    private static func member(_ name: String, _ size: UInt64, alignment: UInt64 = 4096) -> ZipLayout.Member {
        ZipLayout.Member(name, size: size, runs: [ZipLayout.Run(layer: layer(size), offset: 0)], alignment: alignment)
    }

    private static func members(_ seed: UInt64) -> [ZipLayout.Member] {
        var numbers = SeededNumbers(seed: seed)
        return (0..<40).map { index in
            let name = String(repeating: "n", count: Int.random(in: 1...60, using: &numbers)) + "\(index)"
            switch Int.random(in: 0...3, using: &numbers) {
            case 0: return ZipLayout.Member(name, bytes: [1, 2, 3])
            case 1: return member(name, 0, alignment: 1)
            case 2: return member(name, 5 << 30)
            default: return member(name, UInt64.random(in: 1...100_000, using: &numbers))
            }
        }
    }

    @Test(arguments: [false, true]) func `accounts for every byte`(isStreamed: Bool) throws {
        for seed in 0..<50 as Range<UInt64> {
            let layout = try ZipLayout(Self.members(seed), isStreamed: isStreamed)
            var position: UInt64 = 0
            for (index, member) in layout.members.enumerated() {
                let place = layout.places[index]
                #expect(place.header == position)
                #expect(place.header + UInt64(layout.header(of: index, sum: 1).count) == place.data)
                #expect(place.data % member.alignment == 0)
                position = place.data + member.size + UInt64(layout.descriptor(of: index, sum: 1).count)
            }
            #expect(layout.directoryStart == position)
            let sums = [UInt32](repeating: 7, count: layout.members.count)
            let end = position + UInt64(layout.directory(sums: sums).count)
            #expect(layout.size == end, "seed \(seed)")
        }
    }

    @Test func `leaves a gap of less than four bytes to the next page`() {
        #expect(ZipLayout.filler(from: 4096, alignment: 4096) == 0)
        #expect(ZipLayout.filler(from: 4092, alignment: 4096) == 4)
        #expect(ZipLayout.filler(from: 4093, alignment: 4096) == 3 + 4096)
        #expect(ZipLayout.filler(from: 5, alignment: 1) == 0)
    }

    @Test func `says which member comes first, and nothing of other files`() throws {
        let layout = try ZipLayout([ZipLayout.Member("a/b", bytes: [9, 9])], isStreamed: false)
        let header = layout.header(of: 0, sum: 5)
        let first = ZipLayout.firstMember(of: header.span)
        #expect(first?.name == "a/b")
        #expect(first?.data == layout.places[0].data)
        #expect(first?.size == 2)
        for count in 0..<header.count {
            let cut = Array(header[..<count])
            let found = ZipLayout.firstMember(of: cut.span)
            #expect(found == nil)
        }
        let zeros = [UInt8](repeating: 0, count: 64)
        let none = ZipLayout.firstMember(of: zeros.span)
        #expect(none == nil)
    }

    @Test func `refuses what no file can hold`() {
        #expect(throws: CakeError.self) {
            try ZipLayout([Self.member("a", 1 << 61), Self.member("b", 1 << 61)], isStreamed: false)
        }
        #expect(throws: CakeError.self) { try ZipLayout([Self.member("a", .max)], isStreamed: false) }
        #expect(throws: CakeError.self) {
            try ZipLayout([ZipLayout.Member(String(repeating: "x", count: 70_000), bytes: [])], isStreamed: false)
        }
    }
}

@Suite struct `A tensor in torch` {
    private static func torch(_ dtype: DType, _ shape: [UInt64]) throws -> TorchTensor {
        try TorchTensor(Tensor(name: "t", dtype: dtype, shape: shape))
    }

    @Test func `has torch's own dtype, or is bytes where there is none`() throws {
        for dtype in DType.allCases {
            let torch = try Self.torch(dtype, [4, 8])
            #expect(torch.isRaw == [.f6e2m3, .f6e3m2].contains(dtype))
            #expect(torch.shape.reduce(torch.elementSize, *) == dtype.bits * 32 / 8, "\(dtype)")
        }
        #expect(try Self.torch(.f6e2m3, [4, 8]).shape == [24])
    }

    @Test func `holds two F4 in a byte, unless a row would begin in the middle of one`() throws {
        #expect(try Self.torch(.f4, [4, 8]).shape == [4, 4])
        #expect(try Self.torch(.f4, [4, 8]).element == .dtype("float4_e2m1fn_x2"))
        #expect(try Self.torch(.f4, [2, 3]).isRaw)
        #expect(try Self.torch(.f4, [2, 3]).shape == [3])
    }

    @Test func `has its last dimension side by side`() throws {
        #expect(try Self.torch(.f32, [2, 3, 5]).strides == [15, 5, 1])
        #expect(try Self.torch(.f32, []).strides == [])
        #expect(try Self.torch(.f32, [0, 3]).strides == [3, 1])
    }

    @Test func `is refused with a shape beyond torch's numbers`() {
        #expect(throws: CakeError.self) { try Self.torch(.f32, [0, 1 << 40, 1 << 40]) }
    }
}
