import Model
import Platform
import Support
import Testing

@testable import Store
@testable import Transfer

/// Stores of many models that say nothing of their origin: base models of two architectures and fine-tunes of them.
@Suite struct `A tune of one of many base models` {
    private static let tensors = 12
    private static let elements = 700

    /// As much as a model may be changed.
    enum Tune: CaseIterable, Sendable {
        case tuned, renamed, halfOfAnother, withAnotherHead
    }

    private static func part(_ name: String, _ plain: [UInt8], count: Int) -> ModelMaker.Part {
        ModelMaker.Part(Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(count)]), plain)
    }

    /// Two architectures, of different shapes.
    private static func count(of base: Int) -> Int { elements + 64 * (base % 2) }

    private static func base(_ number: Int) throws -> ModelMaker.Files {
        let count = count(of: number)
        return [
            "model.safetensors": try ModelMaker.safetensors(
                (0..<tensors).map { index in
                    part(
                        "model.layers.\(index).weight",
                        bf16(seededWeights(count, seed: UInt64(1000 * number + index))), count: count)
                })
        ]
    }

    /// Trained from one base, or from two.
    private static func tune(_ number: Int, _ tune: Tune, seed: UInt64) throws -> (
        files: ModelMaker.Files, parents: [Int]
    ) {
        let count = count(of: number)
        var parents: [Int] = []
        var parts = (0..<tensors).map { index in
            let parent = tune == .halfOfAnother && index >= tensors / 2 ? number + 2 : number
            parents.append(parent)
            let weights = seededWeights(count, seed: UInt64(1000 * parent + index))
            let change = seededWeights(count, seed: seed + UInt64(index))
            let name = (tune == .renamed ? "language_model." : "") + "model.layers.\(index).weight"
            return part(name, bf16(zip(weights, change).map { $0 + $1 / 500 }), count: count)
        }
        if tune == .withAnotherHead {
            parts.append(part("score.weight", bf16(seededWeights(64, seed: seed)), count: 64))
        }
        return (["model.safetensors": try ModelMaker.safetensors(parts)], parents)
    }

    private static func fill(_ bench: Bench, bases: Int) async throws {
        for number in 0..<bases {
            try await bench.shelf.bring(bench.folder(base(number), "b\(number)"), as: "b\(number)", bases: .none)
        }
    }

    private static func share(_ tunes: [(name: String, tune: Tune, parents: [Int])], _ bench: Bench) throws -> Double {
        var right = 0, all = 0
        let store = try bench.other().store
        for (name, tune, parents) in tunes {
            for (index, parent) in parents.enumerated() {
                let tensor = "model.layers.\(index).weight"
                let base = try bench.layer(tensor, of: "b\(parent)").digest
                let layer = try bench.layer((tune == .renamed ? "language_model." : "") + tensor, of: name)
                all += 1
                if try store.find(layer)?.base == base { right += 1 }
            }
        }
        return Double(right) / Double(all)
    }

    @Test func `finds the right one for nearly all tensors, and compares at most sixteen models`() async throws {
        try await onPool {
            let bench = try Bench()
            // Twenty of each architecture: more than are compared.
            try await Self.fill(bench, bases: 40)
            for kind in Tune.allCases {
                var tunes: [(name: String, tune: Tune, parents: [Int])] = []
                for number in [1, 18, 36] {
                    let (files, parents) = try Self.tune(number, kind, seed: UInt64(9_000_000 + 100 * number))
                    let name = "\(kind)-\(number)"
                    try await bench.bring(files, as: name, into: bench.other())
                    tunes.append((name, kind, parents))
                    try Self.compares(name, bench)
                }
                let share = try Self.share(tunes, bench)
                #expect(share >= 0.95, "\(kind): \(share)")
            }
        }
    }

    /// What such a model is compared with.
    private static func compares(_ name: String, _ bench: Bench) throws {
        let store = try bench.other().store
        let digest = try store.find(name).record.manifest
        let manifest = try store.manifest(digest)
        let bases = BaseCandidates(in: store, named: nil, declared: [], besides: digest)
        let files = manifest.files.map { Segmentation($0) }
        for place in try bases.telling(files, beyond: 1) {
            let segment = manifest.files[place.file].segments[place.cut]
            let tensor = try #require(segment.tensor)
            bases.learn(try #require(try store.sketch(of: .init(segment.layer, tensor.dtype))), of: tensor)
        }
        for layers in try bases.offers(for: files).joined() {
            let found = Set(try layers.map { try store.find($0)?.base ?? $0.digest })
            #expect(found.count <= 16)
        }
    }

    @Test(arguments: ["flipped", "cut", "empty", "removed", "a folder"])
    func `is found when the sketches are damaged, which are then made again`(damage: String) async throws {
        try await onPool {
            let bench = try Bench()
            try await Self.fill(bench, bases: 6)
            try await bench.bring(Self.tune(0, .tuned, seed: 1).files, as: "first", into: bench.other())
            let path = bench.root + "/sketches-1/layers"
            let whole = try Disk.read(path, limit: 1 << 20)
            switch damage {
            case "flipped": try Bend.flip(path, at: 60)
            case "cut": try Bend.cut(path, to: whole.count - 40)
            case "empty": try Bend.cut(path, to: 0)
            case "removed": try Bend.remove(bench.root + "/sketches-1")
            default:
                try Bend.remove(path)
                try Bend.makeFolder(path + "/in")
            }
            let (files, parents) = try Self.tune(2, .tuned, seed: 900)
            try await bench.bring(files, as: "second", into: bench.other())
            #expect(try Self.share([("second", .tuned, parents)], bench) == 1)
            guard damage != "a folder" else { return }
            #expect(try Disk.read(path, limit: 1 << 20).count > 500)
        }
    }

    @Test func `is looked for by its sketch among models of its own architecture alone`() async throws {
        try await onPool {
            let bench = try Bench()
            try await Self.fill(bench, bases: 6)
            try await bench.bring(Self.tune(0, .tuned, seed: 1).files, as: "tune", into: bench.other())
            // Three bases have its shapes, and eight layers of each are marked.
            let bytes = try Disk.read(bench.root + "/sketches-1/layers", limit: 1 << 20).count
            let entries = 3 * 8
            #expect(bytes == 8 + entries * 64 + 32)
        }
    }
}

@Suite struct `A sketch of a layer` {
    private static func sketch(_ weights: [Float], _ dtype: DType) throws -> LayerSketch {
        let bytes = dtype == .bf16 ? bf16(weights) : f32(weights)
        let made = LayerSketch(of: bytes.span, dtype)
        return try #require(made)
    }

    @Test(arguments: [DType.bf16, .f32])
    func `is nearly that of its tunes, and not that of another layer`(dtype: DType) throws {
        let weights = seededWeights(2000, seed: 1)
        let tuned = zip(weights, seededWeights(2000, seed: 2)).map { $0 + $1 / 200 }
        let sketch = try Self.sketch(weights, dtype)
        #expect(sketch.isTelling)
        let other = try Self.sketch(seededWeights(2000, seed: 3), dtype)
        let near = try Self.sketch(tuned, dtype)
        #expect(sketch.similarity(to: near) > 0.9)
        #expect(sketch.similarity(to: other) < 0.5)
    }

    @Test func `tells nothing where all elements are alike, and is not made of too few`() throws {
        let ones = try Self.sketch([Float](repeating: 1, count: 100), .f32)
        #expect(!ones.isTelling)
        let few = f32(seededWeights(31, seed: 1))
        let sketch = LayerSketch(of: few.span, .f32)
        #expect(sketch == nil)
    }

    @Test(arguments: [0, 1, 63, 4095, 4096, 4097, 8191, 8192, 1 << 20, (1 << 20) + 1, 5 << 30] as [UInt64])
    func `is of bytes of the layer that lie in one piece`(size: UInt64) {
        let sample = LayerSketch.sample(of: size)
        #expect(sample.upperBound <= size)
        #expect(sample.length <= 4096)
        #expect(sample.isEmpty == (size == 0))
        guard !sample.isEmpty else { return }
        let piece = UInt64(LayerReader.pieceSize)
        let (first, last) = (sample.lowerBound / piece, (sample.upperBound - 1) / piece)
        #expect(first == last)
    }
}
