import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import cake

/// A base and a tune of it on a hub, pulled into a store where the tune's tensors are deltas.
@Suite struct `A store that lost a base` {
    private let home: HubHome
    /// The base's tensors: a large one, that is a file of its own, and a small one in a pack.
    private let lost: [Layer]

    private static func weights(_ count: Int, seed: UInt64, isTuned: Bool) -> ModelMaker.Part {
        let base = seededWeights(count, seed: seed)
        let tuned = zip(base, seededWeights(count, seed: seed + 1)).map { $0 + $1 / 300 }
        return ModelMaker.Part(
            Tensor(name: ExactText("weights.\(count)"), dtype: .bf16, shape: [UInt64(count)]),
            bf16(isTuned ? tuned : base))
    }

    init() throws {
        home = try HubHome()
        for (name, isTuned) in [("org/first", false), ("org/second", true)] {
            let parts = [(560_000, UInt64(1)), (30_000, 5)].map {
                Self.weights($0, seed: $1, isTuned: isTuned)
            }
            try home.shelf.write(name, "model.safetensors", try ModelMaker.safetensors(parts))
            #expect(try home.cake("pull", name).status == 0)
        }
        let store = try home.store()
        func tensors(_ name: String) throws -> [Layer] {
            try store.manifest(store.find(name).record.manifest).segments.filter { $0.tensor != nil }.map(\.layer)
        }
        lost = try tensors("org/first")
        #expect(lost.count == 2)
    }

    private var large: String {
        "\(home.folder.store)/objects/\(lost[0].digest.hex.prefix(2))/\(lost[0].digest.hex)"
    }

    /// The pack that came first holds what is small of the base.
    private func pack() throws -> String {
        let packs = try Disk.names(in: home.folder.store + "/packs").map { home.folder.store + "/packs/" + $0 }
        let sizes = try packs.map { try Disk.status($0)?.size ?? 0 }
        return try #require(zip(packs, sizes).max { $0.1 < $1.1 }?.0)
    }

    private func lose(removing: Bool) throws {
        if removing {
            try Bend.remove(large)
            try Bend.remove(pack())
        } else {
            try Bend.flip(large, at: 5000)
            let path = try pack()
            let size = try #require(try Disk.status(path)).size
            try Bend.flip(path, at: Int(size) / 2)
        }
        home.hub.forgetRequests()
    }

    private func isWhole(_ names: String...) throws {
        let result = try home.cake("verify")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        for name in names {
            let out = "out-\(name.suffix(5))"
            #expect(try home.folder.cake("export", name, "-o", out).status == 0)
            #expect(
                try ModelMaker.read(home.folder.path + "/" + out)
                    == ModelMaker.read(home.shelf.folder(of: name)))
        }
    }

    @Test(arguments: [true, false]) func `says so of its deltas, and fetches the base alone`(isRemoved: Bool) throws {
        try lose(removing: isRemoved)
        let result = try home.cake("verify", "--repair")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        for base in lost {
            let state = isRemoved ? "missing" : "damaged"
            #expect(
                result.output.contains(
                    "a delta whose base, layer \(base.digest.short), is \(state); needed by org/second; repaired with its base"
                ), "\(result.output)")
        }
        #expect(result.output.contains("repaired from the source of org/first"))
        let asked = home.hub.requests.filter { $0.range != nil }
        #expect(!asked.isEmpty && asked.allSatisfy { !$0.target.contains("second") })
        try isWhole("org/first", "org/second")
    }

    @Test(arguments: [true, false]) func `fetches the deltas' own bytes where no model has the base any more`(
        isRemoved: Bool
    ) throws {
        #expect(try home.cake("rm", "org/first").status == 0)
        #expect(try home.cake("gc").status == 0)
        try lose(removing: isRemoved)
        let result = try home.cake("verify", "--repair")
        #expect(result.output.contains("repaired from the source of org/second"), "\(result.output)")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
        try isWhole("org/second")
    }
}
