import Foundation
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

/// A store with one model in it, and archives of that.
struct ArchiveBench {
    let scratch: Scratch
    let shelf: Shelf
    let files: ModelMaker.Files

    init(_ files: ModelMaker.Files? = nil) async throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
        self.files = try files ?? ModelMaker.small()
        try await shelf.bring(ModelMaker.write(self.files, to: scratch["model"]), as: "model")
    }

    func choice(_ patterns: [String] = []) throws -> WeightChoice {
        let manifest = try shelf.store.manifest(shelf.store.find("model").record.manifest)
        return try WeightChoice(
            manifest.files, TensorSelection(patterns: patterns), Renaming(), from: shelf.store)
    }

    @discardableResult
    func export(
        _ patterns: [String] = [], isJoined: Bool = false, isForced: Bool = false, to name: String = "m.pt"
    ) async throws -> Export.Report {
        let named = try shelf.store.find("model")
        return try await Export(from: shelf.store, progress: Progress("export"), isForced: isForced).archive(
            named.name, named.record.manifest, choice(patterns), hasJoinedStorages: isJoined, to: scratch[name])
    }

    func damages(_ name: String = "m.pt") async throws -> [ArchiveFile.Damage] {
        try await ArchiveFile(scratch[name]).damages(on: testPool) { _ in }
    }
}

@Suite struct `A fast-load archive` {
    @Test(arguments: [false, true]) func `gives the model back, the same to the last bit`(isJoined: Bool) async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            try await bench.export(isJoined: isJoined)
            #expect(try await bench.damages().isEmpty)
            let other = try Shelf(at: bench.scratch["other"])
            let archive = try ArchiveFile(bench.scratch["m.pt"])
            let report = try await Import(into: other.store, progress: Progress("import"))(
                archive, as: ModelName("back"))
            #expect(report.manifest == (try bench.shelf.store.find("model").record.manifest))
            #expect(try await other.files(of: "back") == bench.files)
            #expect(try await other.damages().isEmpty)
            let again = try await Import(into: other.store, progress: Progress("import"))(
                archive, as: ModelName("again"))
            #expect(again.bytesStored == 0 && again.bytesKnown == again.bytes)
        }
    }

    @Test func `is the same bytes each time, and is left alone when it is there`() async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            try await bench.export()
            try await bench.export(to: "other.name")
            let bytes = try Data(contentsOf: URL(filePath: bench.scratch["m.pt"]))
            #expect(try Data(contentsOf: URL(filePath: bench.scratch["other.name"])) == bytes)
            let before = try #require(try Disk.status(bench.scratch["m.pt"]))
            #expect(try await bench.export().filesThere == 1)
            #expect(try #require(try Disk.status(bench.scratch["m.pt"])).isUnchanged(since: before))
        }
    }

    @Test func `replaces another file only when that is meant`() async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            try Data("mine".utf8).write(to: URL(filePath: bench.scratch["m.pt"]))
            await #expect(throws: CakeError.self) { try await bench.export() }
            #expect(try Data(contentsOf: URL(filePath: bench.scratch["m.pt"])) == Data("mine".utf8))
            try await bench.export(isForced: true)
            #expect(try await bench.damages().isEmpty)
            await #expect(throws: CakeError.self) { try await bench.export(to: "model") }
            #expect(try Disk.names(in: bench.scratch.path) == ["m.pt", "model", "store"])
        }
    }

    @Test func `shares the storage of tied tensors, and not of those that are equal by chance`() async throws {
        try await onPool {
            let tied = seededBytes(3000, seed: 5)
            let ones = [UInt8](repeating: 0, count: 2000)
            func part(_ name: String, _ bytes: [UInt8]) -> ModelMaker.Part {
                ModelMaker.Part(
                    Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(bytes.count / 2)]), bytes)
            }
            let bench = try await ArchiveBench([
                "model.safetensors": ModelMaker.safetensors([
                    part("head", tied), part("embed", tied), part("norm.0", ones), part("norm.1", ones),
                ])
            ])
            let facts = try bench.choice().facts(hasJoinedStorages: false, isStreamed: false)
            #expect(facts.tied == [SHA256.digest(of: tied.span)])
            let storages = try FastArchive(facts).layout.members.filter { $0.name.hasPrefix("archive/data/") }
            #expect(storages.map(\.size) == [3000, 2000, 2000])
        }
    }

    @Test func `of some tensors comes back as a file of those`() async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            try await bench.export(["model.*"])
            #expect(try await bench.damages().isEmpty)
            let other = try Shelf(at: bench.scratch["other"])
            _ = try await Import(into: other.store, progress: Progress("import"))(
                ArchiveFile(bench.scratch["m.pt"]), as: ModelName("part"))
            let files = try await other.files(of: "part")
            #expect(files["config.json"] == bench.files["config.json"])
            let bytes = try #require(files["model.safetensors"])
            let length = try Safetensors.headerLength(prefix: bytes.span, fileSize: UInt64(bytes.count))
            let header = try Safetensors.Header(
                parsing: bytes[8..<8 + length].span, fileSize: UInt64(bytes.count))
            #expect(header.tensors.map(\.tensor.name) == ["model.embed.weight", "model.norm.weight"])
        }
    }

    @Test func `is found damaged wherever a byte is another`() async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            try await bench.export(isJoined: true)
            let whole = try Data(contentsOf: URL(filePath: bench.scratch["m.pt"]))
            var numbers = SeededNumbers(seed: 11)
            let layout = try ArchiveFile(bench.scratch["m.pt"]).archive.layout
            // Every header and its filler, the directory, and bytes anywhere.
            var places = layout.places.flatMap { [$0.header, $0.data - 1] } + [layout.directoryStart, layout.size - 1]
            places += (0..<100).map { _ in UInt64.random(in: 0..<layout.size, using: &numbers) }
            for place in places {
                var bytes = whole
                bytes[Int(place)] ^= 1 << UInt8.random(in: 0...7, using: &numbers)
                try bytes.write(to: URL(filePath: bench.scratch["bad.pt"]))
                let damages = try? await bench.damages("bad.pt")
                #expect(damages?.isEmpty != true, "byte \(place)")
            }
            try whole.dropLast().write(to: URL(filePath: bench.scratch["short.pt"]))
            #expect(throws: CakeError.self) { try ArchiveFile(bench.scratch["short.pt"]) }
        }
    }

    @Test func `with a wrong byte in a tensor is not taken in`() async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            try await bench.export()
            let archive = try ArchiveFile(bench.scratch["m.pt"])
            var bytes = try Data(contentsOf: URL(filePath: bench.scratch["m.pt"]))
            let layout = archive.archive.layout
            let tensor = try #require(layout.members.firstIndex { $0.name == "archive/data/0" })
            bytes[Int(layout.places[tensor].data)] ^= 1
            try bytes.write(to: URL(filePath: bench.scratch["bad.pt"]))
            #expect(try await bench.damages("bad.pt").count == 1)
            let other = try Shelf(at: bench.scratch["other"])
            await #expect(throws: CakeError.self) {
                try await Import(into: other.store, progress: Progress("import"))(
                    ArchiveFile(bench.scratch["bad.pt"]), as: ModelName("bad"))
            }
            #expect(try other.names().isEmpty)
        }
    }

    @Test func `is not written, nor sent to its end, when an object holds another layer's bytes`() async throws {
        try await onPool {
            let size = 5 << 19
            let parts = [1, 2].map { ModelMaker.Part("t\($0)", bytes: size, seed: $0) }
            let bench = try await ArchiveBench(["model.safetensors": ModelMaker.safetensors(parts)])
            let digests = parts.map { part in
                let bytes = part.bytes
                return SHA256.digest(of: bytes.span)
            }
            let (one, two) = (digests[0], digests[1])
            // Whole in every way, down to zstd's own checksums, but for what it is said to be.
            var object = try Data(contentsOf: URL(filePath: bench.shelf.object(one)))
            object.replaceSubrange(32..<64, with: two.bytes)
            try object.write(to: URL(filePath: bench.shelf.object(two)))
            let store = try LocalStore(at: bench.shelf.root, pool: testPool)
            let named = try store.find("model")
            let manifest = try store.manifest(named.record.manifest)
            let choice = try WeightChoice(manifest.files, TensorSelection(), Renaming(), from: store)
            var sent = 0
            let progress = Progress("send")
            let cut = await #expect(throws: CakeError.self) {
                try await ModelStream(manifest.files[0]).send(
                    from: store, named.name, holding: named.record.manifest, progress
                ) { sent += $0.count }
            }
            #expect(cut?.kind == .damaged && cut?.what.contains("tensor t2") == true, "\(cut.debugDescription)")
            #expect(sent < Int(manifest.size) - (1 << 19) + 1)
            let error = await #expect(throws: CakeError.self) {
                try await Export(from: store, progress: progress).archive(
                    named.name, named.record.manifest, choice, hasJoinedStorages: false, to: bench.scratch["m.pt"])
            }
            #expect(error?.kind == .damaged && error?.what.contains("tensor t2") == true)
            #expect(try Disk.names(in: bench.scratch.path) == ["model", "store"])
        }
    }

    @Test func `is not written when a layer is missing or damaged, and leaves nothing behind`() async throws {
        try await onPool {
            let bench = try await ArchiveBench()
            let large = try #require(try bench.shelf.layers(of: "model").first { $0.size > 1 << 20 })
            let path = bench.shelf.object(large.digest)
            var bytes = try Data(contentsOf: URL(filePath: path))
            bytes[bytes.count / 2] ^= 255
            try bytes.write(to: URL(filePath: path))
            let error = await #expect(throws: CakeError.self) { try await bench.export() }
            #expect(error?.kind == .damaged && error?.what.contains("tensor model.embed.weight") == true)
            #expect(try bench.shelf.entries("damaged").count == 1)
            let missing = await #expect(throws: CakeError.self) { try await bench.export() }
            #expect(missing?.kind == .damaged && missing?.what.contains("tensor model.embed.weight") == true)
            #expect(try Disk.names(in: bench.scratch.path) == ["model", "store"])
        }
    }
}

@Suite struct `An archive beyond four gigabytes` {
    /// A file of holes, whose headers and directory are real.
    @Test(arguments: [false, true]) func `is read by Python's zipfile`(isStreamed: Bool) throws {
        let scratch = try Scratch()
        let size: UInt64 = 5 << 30
        let zeros = Layer(digest: Digest(words: (1, 1, 1, 1)), size: size)
        let layout = try ZipLayout(
            [
                ZipLayout.Member(
                    "a/large", size: size, runs: [ZipLayout.Run(layer: zeros, offset: 0)], alignment: 4096),
                ZipLayout.Member("a/small", bytes: Array("behind".utf8)),
                ZipLayout.Member(
                    "a/again", size: size, runs: [ZipLayout.Run(layer: zeros, offset: 0)], alignment: 4096),
            ], isStreamed: isStreamed)
        let piece = [UInt8](repeating: 0, count: 1 << 20)
        var sum = CRC32()
        for _ in 0..<size >> 20 { sum.append(CRC32.of(piece.span), count: 1 << 20) }
        let small = CRC32.of(Array("behind".utf8).span)
        let sums = [sum.value, small.value, sum.value]
        let file = try File(scratch["large.zip"], .create)
        for (index, member) in layout.members.enumerated() {
            let header = layout.header(of: index, sum: sums[index])
            try file.write(header.span, at: layout.places[index].header)
            if case .bytes(let bytes) = member.content { try file.write(bytes.span, at: layout.places[index].data) }
            let descriptor = layout.descriptor(of: index, sum: sums[index])
            try file.write(descriptor.span, at: layout.places[index].data + member.size)
        }
        let directory = layout.directory(sums: sums)
        try file.write(directory.span, at: layout.directoryStart)
        #expect(try file.size() == layout.size)
        let script = """
            import sys, zipfile
            sys.path.insert(0, sys.argv[2])
            import archive
            z = zipfile.ZipFile(sys.argv[1])
            archive.check_headers(sys.argv[1], z)
            print([i.file_size for i in z.infolist()], z.read("a/small"), z.open("a/again").read(9))
            """
        let scripts = URL(filePath: #filePath).appending(path: "../../../scripts/lib").standardizedFileURL.path
        let said = try Tool.run("python3", ["-c", script, scratch["large.zip"], scripts])
        #expect(said.output == "[\(size), 6, \(size)] b'behind' b'\(String(repeating: "\\x00", count: 9))'\n")
    }
}
