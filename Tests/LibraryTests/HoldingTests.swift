import CCake
import Foundation
import Model
import Platform
import Support
import Testing

@testable import Store

@Suite struct `A model that the C library has open` {
    /// A store with a base and its fine-tune.
    private func family() async throws -> (Scratch, Shelf, base: ModelMaker.Files, tune: ModelMaker.Files) {
        let scratch = try Scratch()
        let (base, tune) = try `The C library reads`.family()
        let shelf = try Shelf(at: scratch["store"])
        try await shelf.bring(ModelMaker.write(base, to: scratch["base"]), as: "base")
        try await shelf.bring(ModelMaker.write(tune, to: scratch["tune"]), as: "tune")
        return (scratch, shelf, base, tune)
    }

    @Test func `keeps all that it needs when others remove it and collect`() async throws {
        try await onPool {
            let (scratch, shelf, _, tune) = try await family()
            defer { withExtendedLifetime(scratch) {} }
            var store: LibraryStore? = try LibraryStore(shelf.root)
            var model: LibraryModel? = try LibraryModel("tune", in: #require(store))
            for name in ["tune", "base"] { try shelf.remove(name) }
            try shelf.collect(isForced: true)
            // Another view of the store, which has read nothing yet.
            try `The C library reads`.expectSame(#require(model), tune)
            (store, model) = (nil, nil)
            _ = store
            try shelf.collect(isForced: true)
            #expect(try shelf.entries("incoming").isEmpty && shelf.entries("objects").isEmpty)
            #expect(throws: Shared.Failure.self) { try LibraryModel("tune", in: LibraryStore(shelf.root)) }
        }
    }

    @Test func `is read from a store that cannot be written`() async throws {
        try await onPool {
            let (scratch, shelf, base, tune) = try await family()
            guard try ReadOnly.mount(shelf.root) else { return }
            defer { ReadOnly.unmount(shelf.root) }
            let store = try LibraryStore(scratch["store"])
            try `The C library reads`.expectSame(LibraryModel("tune", in: store), tune)
            try `The C library reads`.expectSame(LibraryModel("base", in: store), base)
            #expect(try store.models().contains("\"tune\""))
        }
    }

    @Test(arguments: Harm.allCases) func `is never given wrong bytes of a damaged object`(harm: Harm) async throws {
        try await onPool {
            let (scratch, shelf, _, tune) = try await family()
            defer { withExtendedLifetime(scratch) {} }
            let store = try LibraryStore(shelf.root)
            let model = try LibraryModel("tune", in: store)
            let tensors = try model.tensors()
            let digest = try #require(
                tensors.first { $0.name == "a.weight" }?.layer.flatMap { Digest(hex: String($0.dropFirst(7))) })
            let layer = Layer(digest: digest, size: 3_400_000)
            let base = try #require(try shelf.store.base(of: layer))
            for harmed in [digest, base] {
                let kept = shelf.root + "/kept"
                try Bend.copy(shelf.object(harmed), to: kept)
                try harm.happen(to: shelf.object(harmed))
                // A new model: this one may have the object open, and its bytes are right then.
                let reader = try LibraryModel("tune", in: LibraryStore(shelf.root))
                for flags in [0, UInt32(CAKE_VERIFY)] {
                    do {
                        let bytes = try reader.read([(0, 0..<tensors[0].size)], flags: flags)
                        let place = tensors[0].offset..<tensors[0].offset + tensors[0].size
                        #expect(bytes[0] == Array((tune["model.safetensors"] ?? [])[place]))
                    } catch let failure as Shared.Failure {
                        let kinds = [harm == .missing ? CAKE_MISSING : CAKE_DAMAGED].map(\.rawValue)
                        #expect(kinds.contains(failure.kind), "\(failure)")
                        #expect(
                            failure.text.contains("\"a.weight\" of tune")
                                && failure.text.contains("\nfix: cake verify tune"))
                    }
                }
                if harm == .missing {
                    #expect(try reader.tensors().map(\.isHere) == [false, true, true])
                    #expect(try reader.document()["complete"] == false)
                }
                // Other tensors do not suffer.
                #expect(try reader.read([(2, 0..<5)])[0] == Array(seededBytes(2_500_001, seed: 3)[..<5]))
                try Bend.move(kept, to: shelf.object(harmed))
            }
        }
    }

    /// Kinds of damage to a stored file.
    enum Harm: CaseIterable, Sendable {
        case missing, empty, cutShort, flippedHead, flippedMiddle, flippedEnd

        func happen(to path: String) throws {
            let size = try Data(contentsOf: URL(filePath: path)).count
            switch self {
            case .missing: try Bend.remove(path)
            case .empty: try Bend.cut(path, to: 0)
            case .cutShort: try Bend.cut(path, to: size / 2)
            case .flippedHead: try Bend.flip(path, at: 40)
            case .flippedMiddle: try Bend.flip(path, at: size / 2, mask: 0x10)
            case .flippedEnd: try Bend.flip(path, at: -3)
            }
        }
    }

    @Test func `is compared with the names of its layers where that is asked for`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let shelf = try Shelf(at: scratch["store"])
            // Objects that are valid in themselves, of one piece and of several, under the names of others.
            let raw = (0..<4).map { seededBytes($0 < 2 ? 1 << 20 : 2_500_000, seed: UInt64(20 + $0)) }
            let parts = raw.enumerated().map { number, bytes in
                ModelMaker.Part(
                    Tensor(name: ExactText("t.\(number)"), dtype: .u8, shape: [UInt64(bytes.count)]), bytes)
            }
            let files = ["model.safetensors": try ModelMaker.safetensors(parts)]
            try await shelf.bring(ModelMaker.write(files, to: scratch["m"]), as: "m")
            let names = raw.map { SHA256.digest(of: $0.span) }
            for (place, other) in [(0, 1), (2, 3)] {
                let bytes = Array(try Data(contentsOf: URL(filePath: shelf.object(names[other]))))
                let head = try #require(bytes.firstRange(of: names[other].bytes))
                try Data(bytes[..<head.lowerBound] + names[place].bytes + bytes[head.upperBound...]).write(
                    to: URL(filePath: shelf.object(names[place])))
            }
            let model = try LibraryModel("m", in: LibraryStore(shelf.root))
            for place in [0, 2] {
                let wanted = [(tensor: place, bytes: 0..<raw[place].count)]
                #expect(try model.read(wanted)[0] == raw[place + 1])
                for threads in [1, 2, 4] as [UInt32] {
                    let failure = #expect(throws: Shared.Failure.self) {
                        try model.read(wanted, threads: threads, flags: UInt32(CAKE_VERIFY))
                    }
                    #expect(failure?.kind == CAKE_DAMAGED.rawValue && failure?.text.contains("hash to") == true)
                }
            }
        }
    }

    @Test func `says what a partial pull left out`() async throws {
        try await onPool {
            let (scratch, shelf, _, _) = try await family()
            defer { withExtendedLifetime(scratch) {} }
            do {
                let operation = try Operation(shelf.store)
                try shelf.store.update(ModelName("base"), in: operation) { record in
                    var record = record
                    record?.missing = ["d.weight"]
                    record?.missingFiles = MissingFiles(paths: ["tokenizer.json"], bytes: 9)
                    return record
                }
            }
            let model = try LibraryModel("base", in: LibraryStore(shelf.root))
            let document = try model.document()
            #expect(document["complete"] == false && document["missing"]?["tensors"] == ["d.weight"])
            #expect(document["missing"]?["files"] == ["tokenizer.json"])
            let failure = #expect(throws: Shared.Failure.self) { try model.readFile("tokenizer.json", 0..<1) }
            #expect(failure?.kind == CAKE_MISSING.rawValue && failure?.text.contains("tokenizer.json of base") == true)
        }
    }
}
