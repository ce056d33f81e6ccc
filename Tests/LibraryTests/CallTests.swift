import CCake
import Foundation
import Model
import Platform
import Store
import Support
import Testing

@Suite struct `A call of the C library` {
    private func model(_ files: ModelMaker.Files? = nil) async throws -> (Scratch, LibraryModel) {
        let scratch = try Scratch()
        let files = try files ?? ModelMaker.small()
        try await Shelf(at: scratch["store"]).bring(ModelMaker.write(files, to: scratch["m"]), as: "org/m")
        return (scratch, try LibraryModel("org/m", in: LibraryStore(scratch["store"])))
    }

    private func expect(
        _ kind: cake_kind, _ words: String = "", at place: SourceLocation = #_sourceLocation, _ call: () throws -> Void
    ) {
        let failure = #expect(throws: Shared.Failure.self, sourceLocation: place) { try call() }
        #expect(failure?.kind == kind.rawValue, "\(String(describing: failure))", sourceLocation: place)
        #expect(
            words.isEmpty || failure?.text.contains(words) == true, "\(String(describing: failure))",
            sourceLocation: place)
    }

    @Test func `refuses arguments that make no sense`() async throws {
        try await onPool {
            let (scratch, model) = try await model()
            defer { withExtendedLifetime(scratch) {} }
            let tensors = try model.tensors()
            let size = UInt64(tensors[0].size)
            let room = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
            defer { unsafe room.deallocate() }
            func read(_ tensor: UInt64, _ offset: UInt64, _ length: UInt64, isNowhere: Bool = false) throws {
                let read = unsafe cake_read(
                    tensor: tensor, offset: offset, length: length, destination: isNowhere ? nil : room)
                try unsafe model.read(raw: [read], count: 1)
            }
            expect(CAKE_NOT_FOUND, "no tensor 5") { try read(5, 0, 1) }
            expect(CAKE_NOT_FOUND) { try read(.max, 0, 1) }
            expect(CAKE_INVALID, "reach behind") { try read(0, size, 1) }
            expect(CAKE_INVALID) { try read(0, .max, 2) }
            expect(CAKE_INVALID) { try read(0, 1, .max) }
            expect(CAKE_INVALID) { try read(0, 2, UInt64(Int.max)) }
            expect(CAKE_INVALID, "is NULL") { try read(0, 0, 1, isNowhere: true) }
            try read(0, size, 0, isNowhere: true)
            expect(CAKE_INVALID) { try read(0, size + 1, 0) }
            try unsafe model.read(raw: nil, count: 0)
            expect(CAKE_INVALID) { try unsafe model.read(raw: nil, count: 1) }
            expect(CAKE_INVALID) { try unsafe model.read(raw: nil, count: -1) }
            expect(CAKE_INVALID, "flags") { try unsafe model.read(raw: nil, count: 0, flags: 2) }
            expect(CAKE_NOT_FOUND, "no file") { _ = try model.readFile("nothing", 0..<1) }
            expect(CAKE_INVALID, "reach behind") { _ = try model.readFile("config.json", 0..<1000) }
            let library = Shared.library
            expect(CAKE_INVALID) { try unsafe library.check { unsafe library.openStore("/", nil, $0) } }
            expect(CAKE_INVALID) { try unsafe library.check { unsafe library.openModel(nil, "m", nil, $0) } }
            expect(CAKE_INVALID) { _ = try unsafe library.document { unsafe library.describe(nil, $0, $1) } }
            expect(CAKE_INVALID) { _ = try unsafe library.document { unsafe library.models(nil, $0, $1) } }
            expect(CAKE_INVALID) { try unsafe library.check { unsafe library.read(nil, nil, 0, 1, 0, nil, $0) } }
            library.closeModel(nil)
            library.closeStore(nil)
            library.free(nil)
        }
    }

    @Test func `ends when its flag is set`() async throws {
        try await onPool {
            let (scratch, model) = try await model()
            defer { withExtendedLifetime(scratch) {} }
            let tensors = try model.tensors()
            for threads in [1, 2] as [UInt32] {
                expect(CAKE_CANCELLED, "cancelled") {
                    _ = try model.read([(0, 0..<tensors[0].size)], threads: threads, cancel: 1)
                }
            }
        }
    }

    @Test func `finds models by what people type, and makes no store`() async throws {
        try await onPool {
            let (scratch, model) = try await model()
            defer { withExtendedLifetime(scratch) {} }
            let store = model.store
            let manifest = try #require(try model.document()["manifest"]?.string)
            for typed in ["org/m", String(manifest.dropFirst(7)), String(manifest.prefix(7 + 12))] {
                #expect(try LibraryModel(typed, in: store).document()["name"] == "org/m", "\(typed)")
            }
            expect(CAKE_NOT_FOUND, "fix: ") { _ = try LibraryModel("org/n", in: store) }
            expect(CAKE_INVALID) { _ = try LibraryModel("", in: store) }
            expect(CAKE_NOT_FOUND, "there is no store") { _ = try LibraryStore(scratch["nowhere"]) }
            #expect(!FileManager.default.fileExists(atPath: scratch["nowhere"]))
            try Bend.makeFolder(scratch["empty"])
            expect(CAKE_NOT_FOUND) { _ = try LibraryStore(scratch["empty"]) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch["empty"]).isEmpty)
            try Data("cake store 99\n".utf8).write(to: URL(filePath: scratch["store"] + "/cake.store"))
            expect(CAKE_NEWER, "99") { _ = try LibraryStore(scratch["store"]) }
        }
    }

    @Test func `says which models a name fits`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let shelf = try Shelf(at: scratch["store"])
            let folder = try ModelMaker.write(ModelMaker.small(), to: scratch["m"])
            for name in ["one.example/m:v1", "two.example/m:v1"] { try await shelf.bring(folder, as: name) }
            expect(CAKE_AMBIGUOUS, "one.example/m:v1") { _ = try LibraryModel("m:v1", in: LibraryStore(shelf.root)) }
        }
    }

    @Test func `gives the JSON of cake ls and cake diff`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let shelf = try Shelf(at: scratch["store"])
            for (name, seed) in [("one", 1), ("two", 2)] as [(String, UInt64)] {
                try await shelf.bring(ModelMaker.write(ModelMaker.small(seed: seed), to: scratch[name]), as: name)
            }
            let store = try LibraryStore(shelf.root)
            let said = try Tool.run(Tool.cake, ["ls", "--json", "--store", shelf.root])
            #expect(try store.models() + "\n" == said.output, "\(said.errors)")
            let different = try Tool.run(Tool.cake, ["diff", "--json", "--store", shelf.root, "one", "two"])
            #expect(try store.diff("one", "two") + "\n" == different.output, "\(different.errors)")
            expect(CAKE_NOT_FOUND) { _ = try store.diff("one", "three") }
        }
    }

    @Test func `tells of a model that cannot be read beside the others`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let shelf = try Shelf(at: scratch["store"])
            var digests: [Digest] = []
            for (name, seed) in [("one", 1), ("two", 2)] as [(String, UInt64)] {
                let folder = try ModelMaker.write(ModelMaker.small(seed: seed), to: scratch[name])
                digests.append(try await shelf.bring(folder, as: name))
            }
            try Bend.flip(shelf.root + "/manifests/" + digests[0].hex, at: 30)
            expect(CAKE_DAMAGED, "one") { _ = try LibraryStore(shelf.root).models() }
            expect(CAKE_DAMAGED, "fix: ") { _ = try LibraryModel("one", in: LibraryStore(shelf.root)) }
            _ = try LibraryModel("two", in: LibraryStore(shelf.root))
        }
    }

    @Test func `describes a safetensors file's metadata`() async throws {
        try await onPool {
            let tensor = Tensor(name: "w", dtype: .u8, shape: [2])
            let header = try Safetensors.header(for: [tensor], metadata: [.init(key: "format", value: "pt")])
            let (scratch, model) = try await model(["m.safetensors": header + [1, 2], "config.json": Array("{}".utf8)])
            defer { withExtendedLifetime(scratch) {} }
            #expect(try model.document()["metadata"] == [nil, ["format": "pt"]])
        }
    }
}
