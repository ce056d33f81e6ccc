import CCake
import Foundation
import Model
import Store
import Support
import Testing

@Suite struct `The C library reads` {
    /// A tensor of each dtype, a scalar, one without bytes, and two names of one layer.
    static func everyKind() throws -> ModelMaker.Files {
        var parts: [ModelMaker.Part] = []
        for (number, dtype) in DType.allCases.enumerated() {
            let tensor = Tensor(
                name: ExactText("every.\(dtype.rawValue)"), dtype: dtype, shape: [8, UInt64(number + 3)])
            parts.append(.init(tensor, seededBytes(Int(tensor.byteCount ?? 0), seed: UInt64(number))))
        }
        parts.append(.init(Tensor(name: "scalar", dtype: .f32, shape: []), [1, 2, 3, 4]))
        parts.append(.init(Tensor(name: "empty", dtype: .bf16, shape: [4, 0]), []))
        let tied = seededBytes(6000, seed: 99)
        for name in ["tied.one", "tied.two"] {
            parts.append(.init(Tensor(name: ExactText(name), dtype: .f16, shape: [3000]), tied))
        }
        return ["model.safetensors": try ModelMaker.safetensors(parts), "config.json": Array("{}\n".utf8), "none": []]
    }

    /// Large layers that compress and that do not, and a fine-tune of them that is stored as deltas.
    static func family() throws -> (base: ModelMaker.Files, tune: ModelMaker.Files) {
        let noise = Training.noise.pair(1_700_000, .bf16, seed: 5)
        let wide = Training.noise.pair(600_001, .f32, seed: 9)
        func model(_ weights: [UInt8], _ others: [UInt8]) throws -> ModelMaker.Files {
            let raw = seededBytes(2_500_001, seed: 3)
            return [
                "model.safetensors": try ModelMaker.safetensors([
                    .init(Tensor(name: "a.weight", dtype: .bf16, shape: [1_700_000]), weights),
                    .init(Tensor(name: "b.weight", dtype: .f32, shape: [600_001]), others),
                    .init(Tensor(name: "c.raw", dtype: .u8, shape: [2_500_001]), raw),
                ])
            ]
        }
        return (try model(noise.base, wide.base), try model(noise.plain, wide.plain))
    }

    /// Each tensor whole and in odd slices, by so many threads, compared with the model's files.
    static func expectSame(
        _ model: LibraryModel, _ files: ModelMaker.Files, at place: SourceLocation = #_sourceLocation
    )
        throws
    {
        let tensors = try model.tensors()
        let bytes = tensors.map { tensor in
            Array((files[tensor.file] ?? [])[tensor.offset..<tensor.offset + tensor.size])
        }
        for (threads, flags) in [(1, 0), (2, 0), (1, CAKE_VERIFY), (2, CAKE_VERIFY), (0, CAKE_VERIFY), (1000, 0)]
            as [(UInt32, UInt32)]
        {
            let whole = try model.read(
                tensors.enumerated().map { ($0.offset, 0..<$0.element.size) }, threads: threads, flags: flags)
            #expect(whole == bytes, sourceLocation: place)
            var slices: [(tensor: Int, bytes: Range<Int>)] = []
            for (number, tensor) in tensors.enumerated() {
                let cuts = [0, 1, 7, tensor.size / 3, 1 << 20, (1 << 20) + 1, tensor.size - 1, tensor.size]
                let ends = cuts.map { min(max(0, $0), tensor.size) }.sorted()
                slices += zip(ends, ends.dropFirst()).map { (number, $0..<$1) }
            }
            let parts = try model.read(slices, threads: threads, flags: flags)
            #expect(parts == slices.map { Array(bytes[$0.tensor][$0.bytes]) }, sourceLocation: place)
        }
        for (path, bytes) in files {
            for threads in [1, 2] as [UInt32] {
                for range in [0..<bytes.count, bytes.count / 3..<bytes.count, 0..<min(1, bytes.count)] {
                    let flags = UInt32(CAKE_VERIFY)
                    #expect(
                        try model.readFile(path, range, threads: threads, flags: flags) == Array(bytes[range]),
                        sourceLocation: place)
                }
            }
        }
    }

    @Test func `the bytes of the files, for every dtype, shape and slice`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let files = try Self.everyKind()
            try await Shelf(at: scratch["store"]).bring(ModelMaker.write(files, to: scratch["m"]), as: "org/m")
            let model = try LibraryModel("org/m", in: LibraryStore(scratch["store"]))
            #expect(try model.tensors().count == DType.allCases.count + 4)
            try Self.expectSame(model, files)
            let tied = try model.tensors().filter { $0.name.hasPrefix("tied") }
            #expect(tied.count == 2 && tied[0].layer == tied[1].layer && tied[0].layer?.hasPrefix("sha256:") == true)
        }
    }

    @Test func `layers of many pieces, and fine-tunes that are stored as deltas`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let (base, tune) = try Self.family()
            let shelf = try Shelf(at: scratch["store"])
            try await shelf.bring(ModelMaker.write(base, to: scratch["base"]), as: "base")
            try await shelf.bring(ModelMaker.write(tune, to: scratch["tune"]), as: "tune")
            #expect(try shelf.layers(of: "tune").contains { try shelf.store.base(of: $0) != nil })
            let store = try LibraryStore(scratch["store"])
            try Self.expectSame(LibraryModel("base", in: store), base)
            try Self.expectSame(LibraryModel("tune", in: store), tune)
        }
    }

    @Test func `tensors of GGUF files, which are no layers of their own`() async throws {
        try await onPool {
            let scratch = try Scratch()
            func number(_ value: UInt64, _ count: Int) -> [UInt8] {
                (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
            }
            var bytes = Array("GGUF".utf8) + number(3, 4) + number(2, 8) + number(0, 8)
            let rows: UInt64 = 200_000
            for (name, rows, type, offset) in [("a.weight", rows, 0, 0), ("b.weight", 2, 8, rows * 128)]
                as [(String, UInt64, UInt64, UInt64)]
            {
                bytes += number(UInt64(name.utf8.count), 8) + Array(name.utf8)
                bytes += number(2, 4) + number(32, 8) + number(rows, 8) + number(type, 4) + number(offset, 8)
            }
            bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
            // More than a layer of a file without cuts has.
            bytes += seededBytes(Int(rows) * 128 + 96, seed: 4)
            let files = ["m.gguf": bytes]
            try await Shelf(at: scratch["store"]).bring(ModelMaker.write(files, to: scratch["m"]), as: "m")
            let model = try LibraryModel("m", in: LibraryStore(scratch["store"]))
            let tensors = try model.tensors()
            #expect(tensors.map(\.dtype) == ["F32", "Q8_0"] && tensors.allSatisfy { $0.layer == nil && $0.isHere })
            try Self.expectSame(model, files)
        }
    }

    @Test func `ten thousand small tensors in one call`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let parts = (0..<10_000).map { ModelMaker.Part("t.\($0)", bytes: 64 + $0 % 300 * 2, seed: UInt64($0)) }
            let files = ["model.safetensors": try ModelMaker.safetensors(parts)]
            try await Shelf(at: scratch["store"]).bring(ModelMaker.write(files, to: scratch["m"]), as: "m")
            let model = try LibraryModel("m", in: LibraryStore(scratch["store"]))
            let whole = try model.read(
                parts.enumerated().map { ($0.offset, 0..<$0.element.bytes.count) }, flags: UInt32(CAKE_VERIFY))
            #expect(whole == parts.map(\.bytes))
        }
    }
}
