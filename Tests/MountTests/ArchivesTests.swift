import Foundation
import Model
import Platform
import Store
import Support
import Testing
import Transfer

@testable import Mount

@Suite struct `A mount's archives` {
    static let models: [(name: String, files: @Sendable () throws -> ModelMaker.Files)] = [
        ("small", { try ModelMaker.small() }),
        ("packed", { try ModelMaker.packed(tensors: 9, changed: 0..<3, seed: 4) }),
        (
            "shards",
            {
                [
                    "a.safetensors": try ModelMaker.safetensors([ModelMaker.Part("x", bytes: 9000, seed: 1)]),
                    "b.safetensors": try ModelMaker.safetensors([ModelMaker.Part("y", bytes: 70, seed: 2)]),
                    "tokenizer/vocab.txt": Array("words".utf8),
                ]
            }
        ),
    ]

    @Test(arguments: models.indices) func `are the bytes that an export writes`(index: Int) async throws {
        try await onPool {
            let bench = try TreeBench()
            let (name, files) = Self.models[index]
            try await bench.bring(name, files())
            try await bench.shelf.exportForms(
                name, archive: bench.scratch["out.pt"], shards: bench.scratch["shards"], limit: 1 << 30)
            let wanted = try Array(Data(contentsOf: URL(filePath: bench.scratch["out.pt"])))
            // From the layers, then from what was kept of them.
            for _ in 0..<2 {
                let tree = bench.tree()
                let node = try #require(try tree.look(".fast/\(name).pt"))
                #expect(try tree.attributes(of: node).size == UInt64(wanted.count))
                #expect(try await bench.bytes(node, in: tree) == wanted)
                #expect(try bench.shelf.entries("checksums-1").count == 1)
            }
        }
    }

    /// What happens to the kept checksums. The bytes of the archive stay the same.
    static let harms: [(name: String, harm: @Sendable (String) throws -> Void)] = [
        ("removed", { try Disk.remove($0) }), ("cut off", { try Bend.cut($0, to: 12) }),
        ("bent", { try Bend.flip($0, at: 9) }), ("of no layer", { try Bend.cut($0, to: 8) }),
        ("empty", { try Bend.cut($0, to: 0) }),
    ]

    @Test(arguments: harms.indices) func `do not believe damaged checksums`(index: Int) async throws {
        try await onPool {
            let bench = try TreeBench()
            let digest = try await bench.bring("m", ModelMaker.small())
            let first = bench.tree()
            let bytes = try await bench.bytes(#require(try first.look(".fast/m.pt")), in: first)
            let path = bench.shelf.root + "/checksums-1/" + digest.hex
            let kept = try Disk.read(path, limit: 1 << 20)
            try Self.harms[index].harm(path)
            let second = bench.tree()
            #expect(try await bench.bytes(#require(try second.look(".fast/m.pt")), in: second) == bytes)
            #expect(try Disk.read(path, limit: 1 << 20) == kept)
        }
    }

    @Test func `lose their checksums with the model`() async throws {
        try await onPool {
            let bench = try TreeBench()
            try await bench.bring("m", ModelMaker.small())
            try await bench.bring("other", ModelMaker.small(seed: 2))
            let tree = bench.tree()
            for name in ["m", "other"] {
                _ = try await bench.bytes(#require(try tree.look(".fast/\(name).pt")), in: tree)
            }
            #expect(try bench.shelf.entries("checksums-1").count == 2)
            try bench.shelf.remove("m")
            try bench.shelf.collect()
            #expect(try bench.shelf.entries("checksums-1").count == 1)
            #expect(try tree.look(".fast/m.pt") == nil)
            #expect(try tree.list(".fast") == ["other.pt"])
        }
    }

    @Test func `read no layer before a checksum is asked for`() async throws {
        try await onPool {
            let bench = try TreeBench()
            try await bench.bring("m", ModelMaker.small())
            let tree = bench.tree()
            let content = try tree.content(of: #require(try tree.look(".fast/m.pt")))
            guard case .bytes(let first) = content.parts[0] else { throw CakeError(.failed, "no first bytes") }
            #expect(first.starts(with: [0x50, 0x4b, 3, 4]))
            #expect(try !Disk.exists(bench.shelf.root + "/checksums-1"))
            guard case .made(let last) = try #require(content.parts.last) else { throw CakeError(.failed, "no end") }
            _ = try await last.bytes()
            #expect(try Disk.exists(bench.shelf.root + "/checksums-1"))
        }
    }

    /// What lies where. A model without safetensors files has none.
    static let places: [(name: String, place: String?)] = [
        ("one", ".fast/one.pt"), ("org/name", ".fast/org/name.pt"), ("org/name@v1", ".fast/org/name@v1.pt"),
        ("one/below", ".fast/one/below.pt"), ("one.pt", ".fast/one.pt.pt"),
        // It needs a folder where another has its archive.
        ("one.pt/below", ".fast/.names/one.pt%2Fbelow.pt"),
        ("org/name.pt/x/y", ".fast/.names/org%2Fname.pt%2Fx%2Fy.pt"),
        ("h:5/m:v1", ".fast/.names/h%3A5%2Fm%3Av1.pt"), ("org/.x", ".fast/.names/org%2F.x.pt"),
        ("words", nil), ("org/two-folders", nil),
    ]

    @Test func `lie under the names`() async throws {
        try await onPool {
            let bench = try TreeBench()
            for (name, place) in Self.places {
                let one = try ModelMaker.safetensors([ModelMaker.Part("x", bytes: 64, seed: 1)])
                let files: ModelMaker.Files =
                    place != nil
                    ? ["model.safetensors": one]
                    : name == "words" ? [:] : ["a/m.safetensors": one, "b/m.safetensors": one]
                try await bench.bring(name, files)
            }
            let tree = bench.tree()
            let all = try tree.walk(".fast").filter { !$0.hasSuffix("/") }
            #expect(all == Self.places.compactMap(\.place).sorted())
            for path in all { #expect(try tree.look(path) != nil, "\(path)") }
            for path in [
                ".fast/words.pt", ".fast/org/two-folders.pt", ".fast/.names/one.pt", ".fast/one", ".fast/org/x",
            ] {
                let node = try tree.look(path)
                #expect(node.map(tree.isFolder) ?? true, "\(path)")
            }
        }
    }
}
