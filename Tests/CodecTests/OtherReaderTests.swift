import Foundation
import Model
import Platform
import Support
import Testing

@testable import Codec

@Suite struct `A program other than cake` {
    static let script = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../scripts/read_object.py").standardizedFileURL.path

    /// An object as it lies in the store.
    static func object(_ plain: [UInt8], _ encoding: Encoding, base: [UInt8]? = nil) throws -> [UInt8] {
        let layer = Layer(digest: SHA256.digest(of: plain.span), size: UInt64(plain.count))
        let header = ObjectHeader(
            layer: layer, form: encoding.form, base: base.map { SHA256.digest(of: $0.span) })
        let stored = Chunk(capacity: Coder.storedCapacity)
        var (bytes, frames) = (header.encoded, [SeekTable.Frame]())
        func take(_ span: Span<UInt8>) { for index in span.indices { bytes.append(span[index]) } }
        if let factors = encoding.factors { frames = try factors.encode(with: Coder(), stored, take) }
        for start in stride(from: 0, to: plain.count, by: header.pieceSize) {
            let range = start..<min(start + header.pieceSize, plain.count)
            let beside = base.map { Chunk(copying: $0.span.extracting(range)) }
            frames += try Coder().encode(
                plain.span.extracting(range), encoding, base: beside,
                adding: encoding.addend(piece: start / header.pieceSize), into: stored)
            stored.withBytes(take)
        }
        return bytes + SeekTable.encode(headerLength: header.encoded.count, frames: frames)
    }

    static func read(_ paths: String...) throws -> [UInt8]? {
        let result = try Tool.run("python3", [script] + paths)
        return result.status == 0 ? Array(result.bytes) : nil
    }

    @Test(arguments: [10, 300_001]) func `reads every transform from what the page of formats says`(size: Int) throws {
        let scratch = try Scratch()
        let (old, new) = (scratch["base"], scratch["object"])
        let (weights, noise) = (seededWeights(size, seed: 1), seededWeights(size, seed: 2))
        let tuned = zip(weights, noise).map { $0 + $1 / 400 }
        let base = Array(f32(weights).prefix(size))
        let plain = Array(f32(tuned).prefix(size))
        let halves = (Array(bf16(weights).prefix(size)), Array(bf16(tuned).prefix(size)))
        try Data(Self.object(base, .raw)).write(to: URL(filePath: old))
        for form: Form in [.plain, .planes(width: 2), .planes(width: 4), .planes(width: 8)] {
            try Data(Self.object(plain, Encoding(form, all: .literals))).write(to: URL(filePath: new))
            #expect(try Self.read(new) == plain, "\(form)")
        }
        let widths = [1, 2, 4, 8]
        let deltas =
            FloatLayout.all.map { Form.grouped($0) } + widths.map { .xor(width: $0) }
            + widths.flatMap { width in [false, true].map { .difference(width: width, areFloats: $0) } }
        for form in deltas {
            let (base, plain) = form.parameters[0] == 2 ? halves : (base, plain)
            try Data(Self.object(base, .raw)).write(to: URL(filePath: old))
            try Data(Self.object(plain, Encoding(form, all: .level(1)), base: base)).write(to: URL(filePath: new))
            #expect(try Self.read(new, old) == plain, "\(form)")
            #expect(try Self.read(new, new) == nil)
        }
    }

    @Test(arguments: [DType.f32, .bf16, .f16]) func `multiplies factors`(dtype: DType) throws {
        let scratch = try Scratch()
        for (rows, columns) in [(7, 9), (300, 70)] {
            let count = rows * columns
            let pairs = [
                adapterPair(rows, columns, rank: 3, dtype, seed: 2),
                Training.special.pair(count, dtype, seed: 2),
                Training.random.pair(count, dtype, seed: 2),
            ]
            let layout = dtype == .f32 ? FloatLayout.f32 : dtype == .f16 ? .f16 : .bf16
            let lowRank = try #require(LowRank(layout, rank: 3, columns: columns, size: UInt64(pairs[0].plain.count)))
            let encoding = Encoding(try `A merged adapter`.factors(lowRank, seed: 3))
            for (base, plain) in pairs {
                try Data(Self.object(base, .raw)).write(to: URL(filePath: scratch["base"]))
                try Data(Self.object(plain, encoding, base: base)).write(to: URL(filePath: scratch["object"]))
                #expect(try Self.read(scratch["object"], scratch["base"]) == plain)
            }
        }
    }

    @Test func `reads factors of several pieces, and a matrix of several`() throws {
        let scratch = try Scratch()
        // A left factor that is longer than a piece.
        let (base, plain) = adapterPair(140_000, 5, rank: 2, .bf16, seed: 2)
        let lowRank = try #require(LowRank(.bf16, rank: 2, columns: 5, size: UInt64(plain.count)))
        let encoding = Encoding(try `A merged adapter`.factors(lowRank, seed: 3))
        try Data(Self.object(base, .raw)).write(to: URL(filePath: scratch["base"]))
        try Data(Self.object(plain, encoding, base: base)).write(to: URL(filePath: scratch["object"]))
        #expect(try Self.read(scratch["object"], scratch["base"]) == plain)
    }

    @Test func `reads a delta of several pieces`() throws {
        let scratch = try Scratch()
        let (weights, noise) = (seededWeights(600_000, seed: 1), seededWeights(600_000, seed: 2))
        let (base, plain) = (bf16(weights), bf16(zip(weights, noise).map { $0 + $1 / 400 }))
        try Data(Self.object(base, Encoding(.planes(width: 2), all: .literals))).write(
            to: URL(filePath: scratch["base"]))
        let encoding = Encoding(.grouped(.bf16), [.level(1), .none])
        try Data(Self.object(plain, encoding, base: base)).write(to: URL(filePath: scratch["object"]))
        #expect(try Self.read(scratch["object"], scratch["base"]) == plain)
    }
}
