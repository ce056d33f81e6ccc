import Model
import Platform
import Support
import Testing

@Suite struct `A frame of raw blocks` {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    /// What reading a frame gives; nil when it is said to be another.
    private func read(_ frame: [UInt8], plain: Int, named name: String) throws -> [UInt8]? {
        let before: [UInt8] = [1, 2, 3]
        let file = try File(scratch[name], .create)
        let bytes = before + frame
        try file.write(bytes.span, at: 0)
        let chunk = Chunk(capacity: plain)
        guard let raw = RawFrame(length: frame.count, plain: plain),
            try raw.read(from: file, at: 3, into: chunk, hashedLater: true)
        else {
            return nil
        }
        return chunk.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    }

    @Test(arguments: [1, 255, 256, 257, 65_791, 65_792, 131_072, 131_073, 524_288, 1 << 20])
    func `is read to where its bytes belong`(size: Int) throws {
        let plain = seededBytes(size, seed: 9)
        let frame = try `A zstd frame`.encode(plain, .none)
        #expect(try read(frame, plain: size, named: "raw") == plain)
        #expect(try read(frame, plain: size + 1, named: "longer") == nil)
        #expect(try read(Array(frame.dropLast()), plain: size, named: "cut") == nil)
    }

    @Test func `is not taken for one when it is another, or when a mark in it is wrong`() throws {
        let plain = seededBytes(300_000, seed: 9, .mixed)
        let coded = try `A zstd frame`.encode(plain, .level(1))
        #expect(try read(coded, plain: plain.count, named: "coded") == nil)
        let frame = try `A zstd frame`.encode(plain, .none)
        let head = frame.count - plain.count - 3 * 3 - 4
        let marks = Array(0..<head + 3) + [head + 3 + 131_072, head + 8 + 131_072 * 2]
        for mark in marks {
            var bent = frame
            bent[mark] ^= 0x10
            // A window is not looked at: nothing is decoded.
            let found = try read(bent, plain: plain.count, named: "bent \(mark)")
            #expect(found == nil || (frame[4] & 0x20 == 0 && mark == 5 && found == plain), "byte \(mark)")
        }
        #expect(RawFrame(length: .max, plain: 5) == nil && RawFrame(length: 10, plain: .max) == nil)
        #expect(RawFrame(length: 20, plain: 0) == nil && RawFrame(length: -1, plain: -5) == nil)
    }

    @Test func `has a byte for a block that is nothing but that byte, unless it is the first`() throws {
        let (block, zeros) = (128 << 10, [UInt8](repeating: 0, count: 256 << 10))
        for (plain, repeated) in [(zeros, 1), (zeros + zeros, 3), (zeros + [7], 1)] {
            let frame = try `A zstd frame`.encode(plain, .none)
            let blocks = (plain.count + block - 1) / block
            #expect(frame.count == 9 + 3 * blocks + plain.count + 4 - repeated * (block - 1))
            #expect(try `A zstd frame`.decode(frame, count: plain.count) == plain)
            #expect(try read(frame, plain: plain.count, named: "\(plain.count)") == nil)
        }
    }

    private func holds(_ plain: [UInt8], _ frame: [UInt8]) -> Bool { RawFrame.holds(plain.span, frame.span) }

    @Test(arguments: [0, 1, 255, 256, 65_792, 131_072, 300_000]) func `holds the bytes it was made of, and no others`(
        size: Int
    ) throws {
        for plain in [seededBytes(size, seed: 3), [UInt8](repeating: 0, count: size)] {
            let frame = try `A zstd frame`.encode(plain, .none)
            #expect(holds(plain, frame))
            #expect(!holds(plain + [0], frame))
            #expect(!holds(plain, frame + [0]) && !holds(plain, []))
            // The checksum is not made again.
            for place in Set([0, 4, 6, frame.count / 2, frame.count - 5]) where place < frame.count - 4 {
                var bent = frame
                bent[place] ^= 1
                #expect(!holds(plain, bent), "byte \(place)")
            }
            guard size > 0 else { continue }
            for place in Set([0, size / 2, size - 1]) {
                var other = plain
                other[place] ^= 1
                #expect(!holds(other, frame), "byte \(place)")
            }
        }
    }
}
