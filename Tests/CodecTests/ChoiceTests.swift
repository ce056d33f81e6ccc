import Model
import Platform
import Support
import Testing

@testable import Codec

@Suite struct `The choice of an encoding` {
    private struct Bytes: PieceSource {
        let bytes: [UInt8]
        var count: UInt64 { UInt64(bytes.count) }

        func fill(_ chunk: Chunk, from offset: UInt64, count: Int) {
            chunk.copy(bytes.span.extracting(Int(offset)..<Int(offset) + count))
        }
    }

    /// The frames of all pieces.
    private static func stored(_ plain: Bytes, _ base: Bytes, _ encoding: Encoding) throws -> Int {
        let (coder, room) = (Coder(), Chunk(capacity: Coder.storedCapacity))
        let (piece, beside) = (Chunk(capacity: 1 << 20), Chunk(capacity: 1 << 20))
        var total = 0
        for index in 0..<plain.pieces {
            try plain.fill(piece: index, into: piece)
            try base.fill(piece: index, into: beside)
            _ = try piece.withBytes { try coder.write($0, encoding, base: beside, into: room) }
            total += room.count
        }
        return total
    }

    /// A step of training: few elements move by a unit of their last place, and very few by hundreds, none of them in the
    /// place that a sample is taken from.
    private static func step(_ dtype: DType, apart: Int) -> (plain: Bytes, base: Bytes) {
        let width = Int(dtype.bits / 8)
        let sampled = (1 << 20)..<(1 << 20) + (256 << 10)
        var base = Training.all.pair((2 << 20) / width, dtype, seed: 5).base
        for element in stride(from: 0, to: base.count, by: width) { base[element] &= 0x7f }
        var plain = base
        var numbers = SeededNumbers(seed: 7)
        for element in stride(from: 0, to: base.count, by: width) where numbers.next() % UInt64(apart) == 0 {
            plain[element] ^= 1
        }
        for element in stride(from: 0, to: base.count, by: 40_000 * width) where !sampled.contains(element) {
            plain[element + 1] ^= 2
        }
        return (Bytes(bytes: plain), Bytes(bytes: base))
    }

    @Test(arguments: [DType.bf16, .i16, .f32, .f64])
    func `for a step of training has a search, though a plane is all zero in the sample`(dtype: DType) throws {
        let (plain, base) = Self.step(dtype, apart: 300)
        let (coder, room) = (Coder(), Chunk(capacity: Coder.storedCapacity))
        let (piece, beside) = (Chunk(capacity: 1 << 20), Chunk(capacity: 1 << 20))
        let alone = try Encoding.choose(for: plain, dtype: dtype, coder: coder, piece: piece, stored: room)
        let chosen = try Encoding.choose(
            for: plain, Tensor.Kind(dtype, [plain.count * 8 / dtype.bits]), or: alone, coder: coder,
            piece: piece, stored: room, beside: beside
        ) { index, chunk throws(CakeError) in try base.fill(piece: index, into: chunk) }
        let searched = Encoding(chosen.form, Encoding.searchedEfforts(of: chosen.form))
        #expect(try Self.stored(plain, base, chosen) * 20 <= 21 * Self.stored(plain, base, searched))
    }

    @Test(arguments: [DType.bf16, .f32]) func `of weights without a base has no search, which would find nothing`(
        dtype: DType
    ) throws {
        let plain = Bytes(bytes: Training.none.pair((16 << 20) / Int(dtype.bits), dtype, seed: 4).plain)
        let chosen = try Encoding.choose(
            for: plain, dtype: dtype, coder: Coder(), piece: Chunk(capacity: 1 << 20),
            stored: Chunk(capacity: Coder.storedCapacity))
        #expect(chosen.encoding.efforts.allSatisfy { $0 == .literals || $0 == .none })
        #expect(chosen.encoding.efforts.contains(.literals))
    }
}
