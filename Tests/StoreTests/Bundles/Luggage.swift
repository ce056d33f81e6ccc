import Foundation
import Model
import Platform
import Store
import Support
import Transfer

/// A store with a model and a fine-tune that is stored as deltas against it, and places to carry them to.
struct Luggage {
    let bench: Bench
    var scratch: Scratch { bench.scratch }
    var shelf: Shelf { bench.shelf }
    let base: ModelMaker.Files
    let tune: ModelMaker.Files

    /// A large tensor of each is a delta, and so is a small one; `same` is in both.
    init(elements: Int = 700_000) async throws {
        bench = try Bench()
        let (large, tuned) = Training.noise.pair(elements, .bf16, seed: 8)
        let (small, smallTuned) = Training.noise.pair(20_000, .bf16, seed: 9)
        func part(_ name: String, _ bytes: [UInt8]) -> ModelMaker.Part {
            ModelMaker.Part(Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(bytes.count / 2)]), bytes)
        }
        let same = part("same", seededBytes(5000, seed: 3))
        base = [
            "model.safetensors": try ModelMaker.safetensors([part("large", large), part("small", small), same]),
            "config.json": Array("{}".utf8), "empty.txt": [],
        ]
        tune = [
            "model.safetensors": try ModelMaker.safetensors([
                part("large", tuned), part("small", smallTuned), same,
            ]), "config.json": Array("{\"tuned\": true}".utf8),
        ]
        try await bench.bring(base, as: "org/zbase")
        try await shelf.bring(bench.folder(tune, "tune"), as: "org/atune", bases: .of(ModelName("org/zbase")))
    }

    func files(_ name: String) -> ModelMaker.Files { name == "org/zbase" ? base : tune }

    subscript(path: String) -> String { scratch[path] }

    /// An empty store.
    func other(_ name: String = "other") throws -> Shelf { try Shelf(at: scratch[name]) }

    func bytes(_ path: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: scratch[path]))) }

    /// How many layers of a model are deltas.
    func deltas(_ name: String, in shelf: Shelf) throws -> Int {
        try shelf.layers(of: name).count { try shelf.store.base(of: $0) != nil }
    }
}
