import Hub
import Model
import Platform
import Support
import Testing

@testable import Store
@testable import Transfer

/// Two models that differ a little and both stand alone, and a tune of the second.
private struct Family {
    static func weights(_ name: String, count: Int, seed: UInt64) -> [UInt8] {
        let base = seededWeights(count, seed: seed)
        guard name != PullLine.name else { return bf16(base) }
        // What lies between the first and the second lies between the first and the tune, too.
        let second = zip(base, seededWeights(count, seed: seed + 100)).map { $0 + $1 / 100 }
        guard name == "org/tune" else { return bf16(second) }
        return bf16(zip(second, seededWeights(count, seed: seed + 200)).map { $0 + $1 / 1000 })
    }

    static func files(_ name: String) throws -> ModelMaker.Files {
        func part(_ tensor: String, _ count: Int, seed: UInt64) -> ModelMaker.Part {
            ModelMaker.Part(
                Tensor(name: ExactText(tensor), dtype: .bf16, shape: [UInt64(count)]),
                weights(name, count: count, seed: seed))
        }
        return [
            "model.safetensors": try ModelMaker.safetensors([
                part("large", 560_000, seed: 1), part("small", 30_000, seed: 2),
            ])
        ]
    }

    /// Whose tensors those of the tune are deltas of, the larger first; one name where it is the same for both.
    static func base(in line: PullLine) throws -> String? {
        func layers(_ name: String) throws -> [Layer] {
            try line.shelf.store.manifest(line.shelf.store.find(name).record.manifest).segments
                .filter { $0.tensor != nil }.map(\.layer)
        }
        let models = try [PullLine.name, "org/second"].map { (name: $0, layers: Set(try layers($0).map(\.digest))) }
        let bases: [String?] = try layers("org/tune").map { layer in
            guard let base = try line.shelf.store.find(layer)?.base else { return nil }
            return models.first { $0.layers.contains(base) }?.name ?? "neither"
        }
        guard Set(bases).count > 1 else { return bases.first ?? nil }
        return bases.map { $0 ?? "none" }.joined(separator: " and ")
    }
}

@Suite struct `A tune that is pulled` {
    /// Pulls both models, each by itself, and then the tune with the card that is given.
    private func base(
        declaring declared: String? = nil, _ change: (inout Pull.Options) throws -> Void = { _ in }
    ) async throws -> String? {
        let line = try PullLine(try Family.files(PullLine.name))
        var alone = Pull.Options()
        alone.usesDeltas = false
        try await line.pull(with: alone)
        try line.folder.write("org/second", try Family.files("org/second"))
        try await line.pull("org/second", with: alone)
        var files = try Family.files("org/tune")
        if let declared { files["README.md"] = Array("---\nbase_model: \(declared)\n---\n".utf8) }
        try line.folder.write("org/tune", files)
        var options = Pull.Options()
        try change(&options)
        try await line.pull("org/tune", with: options)
        try await line.expectExact("org/tune", files)
        #expect(try await onPool { try await line.shelf.damages() }.isEmpty)
        return try Family.base(in: line)
    }

    @Test func `is stored beside the nearest model, where nothing says which`() async throws {
        #expect(try await base() == "org/second")
    }

    @Test func `is stored beside the model that its card names, though another is nearer`() async throws {
        #expect(try await base(declaring: PullLine.name) == PullLine.name)
    }

    @Test func `is stored beside the nearest, where its card names a model that is not here`() async throws {
        #expect(try await base(declaring: "org/elsewhere") == "org/second")
    }

    @Test func `is stored beside the model that the user names, whatever its card says`() async throws {
        let base = try await base(declaring: "org/second") { $0.base = try ModelName(PullLine.name) }
        #expect(base == PullLine.name)
    }

    @Test func `is stored by itself where that is wanted`() async throws {
        #expect(try await base(declaring: "org/second") { $0.usesDeltas = false } == nil)
    }
}

@Suite struct `A tune of one of many models of one shape` {
    private static let (bases, tensors, elements) = (8, 9, 262_144)

    /// The first tensors are trained.
    private static func files(_ base: Int, trained: Int = 0) throws -> ModelMaker.Files {
        let parts = (0..<tensors).map { index in
            var weights = seededWeights(elements, seed: UInt64(1000 * base + index))
            if index < trained {
                let change = seededWeights(elements, seed: UInt64(500_000 + 1000 * base + index))
                weights = zip(weights, change).map { $0 + $1 / 1000 }
            }
            return ModelMaker.Part(
                Tensor(name: ExactText("layers.\(index).weight"), dtype: .bf16, shape: [UInt64(elements)]),
                bf16(weights)
            )
        }
        return ["model.safetensors": try ModelMaker.safetensors(parts)]
    }

    @Test func `moves what was trained alone, and becomes deltas of that one`() async throws {
        let line = try PullLine()
        for base in 0..<Self.bases {
            let folder = line.scratch["base-\(base)"]
            try ModelMaker.write(Self.files(base), to: folder)
            _ = try await onPool { try await line.shelf.bring(folder, as: "b\(base)", bases: .none) }
        }
        for base in 0..<Self.bases {
            let files = try Self.files(base, trained: 2)
            try line.folder.write("org/tune-\(base)", files)
            let report = try await line.pull("org/tune-\(base)")
            try await line.expectExact("org/tune-\(base)", files)
            // Two tensors of nine, and samples.
            #expect(report.bytesFetched < UInt64(3 * Self.elements * 2), "\(base)")
            try await onPool {
                let store = try Shelf(at: line.scratch["store"]).store
                func layers(_ name: String) throws -> [Layer] {
                    try store.manifest(store.find(name).record.manifest).segments.filter { $0.tensor != nil }.map(
                        \.layer)
                }
                let (own, there) = (try layers("org/tune-\(base)"), try layers("b\(base)"))
                for index in 0..<2 { #expect(try store.find(own[index])?.base == there[index].digest) }
            }
        }
    }
}
