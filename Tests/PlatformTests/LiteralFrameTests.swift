import Model
import Platform
import Support
import Testing

/// Bytes as a plane of weights has them, or as no plane has them.
enum Plane: String, CaseIterable, CustomTestStringConvertible {
    /// Each next symbol is half as frequent.
    case halving
    /// So rare at the end that Huffman's codes would be longer than zstd's.
    case fibonacci
    case two, withZeros, withGaps, flat, changing
    /// Each of the four streams of a block ends with the longest codes.
    case longAtTheEnds

    var testDescription: String { rawValue }

    func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
        var numbers = SeededNumbers(seed: seed)
        func halved() -> UInt8 { UInt8(min(numbers.next().trailingZeroBitCount, 40)) }
        return (0..<count).map { index in
            switch self {
            case .halving: return 124 - halved()
            case .fibonacci: return index < 40 ? UInt8(index) : 80 + (index % 3 == 0 ? 0 : halved() * halved() % 40)
            case .two: return numbers.next() % 5 == 0 ? 3 : 90
            case .withZeros: return numbers.next() % 4 == 0 ? 0 : 120 - halved()
            case .withGaps: return index % 5000 == 0 ? UInt8(index / 5000 % 128) : 100 - halved()
            case .flat: return UInt8(numbers.next() % 90)
            case .longAtTheEnds:
                let block = min(128 << 10, count - index & ~131_071)
                return index & 131_071 % ((block + 3) / 4) < 8 ? UInt8(100 + numbers.next() % 28) : halved()
            case .changing: return UInt8(20 + 30 * (index >> 17 & 1)) + halved()
            }
        }
    }
}

@Suite struct `A frame of literals` {
    /// Nil when these bytes need libzstd.
    private static func frame(_ plain: [UInt8], room: Int? = nil, with set: InstructionSet = .best) -> [UInt8]? {
        let size = room ?? ZstdEncoder.bound(plain.count)
        var bytes = [UInt8](repeating: 0xaa, count: size + 1)
        var span = bytes.mutableSpan
        var inside = span._mutatingExtracting(0..<size)
        let count = LiteralFrame.write(plain.span, into: &inside, with: set)
        // Not one byte further than it may.
        return bytes.last == 0xaa ? count.map { Array(bytes.prefix($0)) } : []
    }

    /// By libzstd, which would refuse a wrong checksum.
    private static func libzstd(_ plain: [UInt8]) throws -> Int {
        // A byte above 127 keeps it from being made here.
        try `A zstd frame`.encode(plain + [200], .literals).count
    }

    @Test(
        arguments: Plane.allCases, [1024, 1025, 1027, 4096, 50_001, 131_072, 131_073, 131_072 + 1024, 500_003, 1 << 20])
    func `decodes to what it was made of, and is as short as libzstd's`(plane: Plane, size: Int) throws {
        let plain = plane.bytes(size, seed: UInt64(size))
        let frame = try #require(Self.frame(plain))
        #expect(try `A zstd frame`.decode(frame, count: size) == plain)
        #expect(try Zstd.frameLength(at: (frame + [1, 2, 3]).span) == frame.count)
        let blocks = (size + (128 << 10) - 1) / (128 << 10)
        // The short form of a code takes at most 64 bytes.
        #expect(try Double(frame.count) <= 1.01 * Double(Self.libzstd(plain)) + Double(80 * blocks))
        for set in InstructionSet.available { #expect(Self.frame(plain, with: set) == frame, "\(set)") }
    }

    @Test func `is what an encoder without a search makes`() throws {
        let plain = Plane.halving.bytes(300_000, seed: 1)
        #expect(try `A zstd frame`.encode(plain, .literals) == Self.frame(plain))
    }

    @Test func `is left to libzstd for bytes that have no code here`() throws {
        let plane = Plane.halving.bytes(200_000, seed: 2)
        let others: [[UInt8]] = [
            [], [1], Array(plane.prefix(1023)), [UInt8](repeating: 0, count: 200_000),
            [UInt8](repeating: 9, count: 200_000), plane + [128], [255] + plane, seededBytes(200_000, seed: 3),
            plane + [UInt8](repeating: 7, count: 128 << 10),
        ]
        for other in others {
            #expect(Self.frame(other)?.count == nil, "\(other.count) bytes")
            #expect(try `A zstd frame`.decode(`A zstd frame`.encode(other, .literals), count: other.count) == other)
        }
    }

    @Test func `stays within its room`() throws {
        let plain = Plane.halving.bytes(140_000, seed: 5)
        let whole = try #require(Self.frame(plain))
        for room in Array(0..<64) + Array(whole.count - 64..<whole.count + 32) {
            let made = Self.frame(plain, room: room)
            #expect(made == nil || made == whole, "\(room)")
        }
    }

    @Test func `is right for bytes of any kinds and lengths`() throws {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        for round in 0..<300 {
            let kinds = Int.random(in: 2...128, using: &numbers)
            let steep = Int.random(in: 0...4, using: &numbers)
            let plain = (0..<Int.random(in: 1024...20_000, using: &numbers)).map { _ in
                UInt8((0...steep).map { _ in Int.random(in: 0..<kinds, using: &numbers) }.min() ?? 0)
            }
            guard let frame = Self.frame(plain) else { continue }
            #expect(try `A zstd frame`.decode(frame, count: plain.count) == plain, "seed \(seed), round \(round)")
        }
    }
}
