import Model
import Platform
import Support
import Testing

@testable import Codec

@Suite struct `A delta` {
    static func roundTrip(
        _ plain: [UInt8], _ base: [UInt8], _ encoding: Encoding
    ) throws -> (stored: [UInt8], frames: [SeekTable.Frame], plain: [UInt8]) {
        let stored = Chunk(capacity: Coder.storedCapacity)
        let beside = Chunk(copying: base.span)
        let frames = try Coder().encode(plain.span, encoding, base: beside, into: stored)
        let bytes = stored.withBytes { span in span.indices.map { span[$0] } }
        return (bytes, frames, try decode(bytes, frames.reduce(0) { $0 + $1.plain }, encoding.form, base, plain.count))
    }

    static func decode(
        _ stored: [UInt8], _ held: Int, _ form: Form, _ base: [UInt8], _ count: Int
    ) throws -> [UInt8] {
        var plain = [UInt8](repeating: 0xaa, count: count)
        var room = plain.mutableSpan
        try Coder().decode(stored.span, holding: held, form, base: Chunk(copying: base.span), filling: &room)
        return plain
    }

    static func encodings(_ dtype: DType) -> [Encoding] {
        Form.deltas(of: dtype).map { form in
            if case .grouped = form { Encoding(form, [.level(1), .none]) } else { Encoding(form, all: .level(1)) }
        }
    }

    @Test(arguments: Training.allCases, [DType.bf16, .f16, .f32, .f64])
    func `gives back every bit pattern, at any size`(training: Training, dtype: DType) throws {
        let seed = SeededNumbers.freshSeed()
        for count in [0, 1, 2, 3, 127, 128, 129, 1000, 70_001] {
            var (base, plain) = training.pair(count, dtype, seed: seed)
            // Bytes that are no whole element, too.
            for odd in [[], [7], [1, 2, 3]] as [[UInt8]] where count < 1000 {
                base += odd
                plain += odd.map { $0 ^ 1 }
                for encoding in Self.encodings(dtype) {
                    let found = try Self.roundTrip(plain, base, encoding)
                    #expect(found.plain == plain, "seed \(seed), \(count) elements, \(encoding)")
                    #expect(found.frames.count == encoding.form.framesPerPiece)
                    #expect(try Self.roundTrip(plain, base, encoding).stored == found.stored)
                }
            }
        }
    }

    @Test func `of a fine-tune is a fraction of it, and smallest when grouped`() throws {
        let (base, plain) = Training.noise.pair(500_000, .bf16, seed: 3)
        let sizes = try Self.encodings(.bf16).map { try Self.roundTrip(plain, base, $0).stored.count }
        #expect(sizes[0] < sizes[1] && sizes[0] < sizes[2])
        let (_, same) = Training.none.pair(500_000, .bf16, seed: 3)
        #expect(try Self.roundTrip(same, base, Self.encodings(.bf16)[0]).stored.count < 100)
    }

    @Test(arguments: [DType.bf16, .f32]) func `that was damaged gives an error or other bytes, and nothing worse`(
        dtype: DType
    ) throws {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        for training in [Training.noise, .special] {
            let (base, plain) = training.pair(3000, dtype, seed: seed)
            for encoding in Self.encodings(dtype) {
                let stored = Chunk(capacity: Coder.storedCapacity)
                let coder = Coder()
                let frames = try coder.write(
                    plain.span, encoding, base: Chunk(copying: base.span), into: stored)
                let held = frames.reduce(0) { $0 + $1.plain }
                var rewritten = [UInt8](repeating: 0, count: held)
                var decoder = ZstdDecoder()
                var room = rewritten.mutableSpan
                try stored.withBytes { try decoder.decode($0, filling: &room) }
                for _ in 0..<400 {
                    var bent = rewritten
                    switch numbers.next() % 3 {
                    case 0: bent.removeLast(Int(numbers.next() % UInt64(bent.count)))
                    case 1: bent += seededBytes(Int(numbers.next() % 100), seed: numbers.next())
                    default: break
                    }
                    for _ in 0..<numbers.next() % 4 where !bent.isEmpty {
                        bent[Int(numbers.next() % UInt64(min(bent.count, 200)))] = UInt8.random(
                            in: 0...255, using: &numbers)
                    }
                    // As a hostile writer would: the frame itself is right.
                    var encoder = ZstdEncoder()
                    var frame = [UInt8](repeating: 0, count: ZstdEncoder.bound(bent.count))
                    var span = frame.mutableSpan
                    let length = try encoder.encode(bent.span, into: &span, .none)
                    _ = try? Self.decode(Array(frame.prefix(length)), bent.count, encoding.form, base, plain.count)
                }
            }
        }
    }

    @Test func `beside a base of another size, or none, is refused`() throws {
        let (base, plain) = Training.noise.pair(1000, .bf16, seed: 1)
        for encoding in Self.encodings(.bf16) {
            let found = try Self.roundTrip(plain, base, encoding)
            let held = found.frames.reduce(0) { $0 + $1.plain }
            for other in [[], Array(base.dropLast()), base + [0]] {
                #expect(throws: CakeError.self) {
                    try Self.decode(found.stored, held, encoding.form, other, plain.count)
                }
            }
        }
    }

    @Test func `with an escape more or fewer than its codes ask for is refused`() throws {
        let (base, plain) = Training.noise.pair(3000, .bf16, seed: 6)
        let found = try Self.roundTrip(plain, base, Self.encodings(.bf16)[0])
        let held = found.frames.reduce(0) { $0 + $1.plain }
        var rewritten = [UInt8](repeating: 0, count: held)
        var decoder = ZstdDecoder()
        var room = rewritten.mutableSpan
        try decoder.decode(found.stored.span, filling: &room)
        func undo(_ bytes: [UInt8]) throws -> [UInt8] {
            var plain = [UInt8](repeating: 0, count: plain.count)
            var room = plain.mutableSpan
            try Coder().undo(bytes.span, .grouped(.bf16), base: Chunk(copying: base.span), filling: &room)
            return plain
        }
        #expect(try undo(rewritten) == plain)
        let end = found.frames[0].plain
        #expect(throws: CakeError.self) {
            try undo(Array(rewritten[..<end]) + [0, 0] + Array(rewritten[end...]))
        }
        #expect(throws: CakeError.self) {
            try undo(Array(rewritten[..<(end - 2)]) + Array(rewritten[end...]))
        }
    }
}
