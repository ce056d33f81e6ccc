import Foundation
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

@Suite struct `A model brought in and given back` {
    /// A safetensors file as some writer might make it: any key order, white space, padding, shapes and dtypes.
    static func oddFile(_ numbers: inout SeededNumbers, _ known: inout [[UInt8]]) -> [UInt8] {
        var data: [UInt8] = []
        var entries: [String] = []
        for index in 0..<Int.random(in: 0...6, using: &numbers) {
            let kind = Int.random(in: 0...4, using: &numbers)
            var shape: [Int] = []
            var bytes: [UInt8] = []
            switch kind {
            case 0: shape = [0, 3]
            case 1: bytes = seededBytes(2, seed: numbers.next())
            case 2 where !known.isEmpty:
                bytes = known.randomElement(using: &numbers) ?? []
                shape = [bytes.count / 2]
            default:
                let count = Int.random(in: 1...(kind == 3 ? 700_000 : 300), using: &numbers)
                bytes = seededBytes(
                    2 * count, seed: numbers.next(), Texture.allCases.randomElement(using: &numbers) ?? .random)
                shape = [count, 1]
                known.append(bytes)
            }
            let space = ["", " ", "\n\t"].randomElement(using: &numbers) ?? ""
            let fields = [
                "\"dtype\":\(space)\"F16\"", "\"shape\":\(space)\(shape)",
                "\"data_offsets\"\(space):[\(data.count),\(space)\(data.count + bytes.count)]",
            ]
            entries.append(
                "\"t\\u00e9\(index)\"\(space):{\(fields.shuffled(using: &numbers).joined(separator: ",\(space)"))}")
            data += bytes
        }
        if Bool.random(using: &numbers) { entries.append("\"__metadata__\": {\"format\":\"pt\"}") }
        var json = "{" + entries.shuffled(using: &numbers).joined(separator: " , ") + "}"
        json += String(repeating: " ", count: Int.random(in: 0...40, using: &numbers))
        let length = UInt64(json.utf8.count)
        return (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(json.utf8) + data
    }

    static func oddModel(seed: UInt64) -> ModelMaker.Files {
        var numbers = SeededNumbers(seed: seed)
        var known: [[UInt8]] = []
        var files: ModelMaker.Files = ["empty": []]
        for index in 0..<Int.random(in: 1...3, using: &numbers) {
            files["shard \(index).safetensors"] = oddFile(&numbers, &known)
        }
        for index in 0..<Int.random(in: 0...3, using: &numbers) {
            let depth = String(repeating: "sub/", count: Int.random(in: 0...4, using: &numbers))
            files["\(depth)ünï \(index).bin"] = seededBytes(
                Int.random(in: 0...2_000_000, using: &numbers), seed: numbers.next(), .mixed)
        }
        return files
    }

    @Test(arguments: 0..<12) func `is the same byte for byte`(round: Int) async throws {
        let seed = SeededNumbers.freshSeed() &+ UInt64(round) << 32
        print("a model brought in and given back: seed \(seed)")
        try await onPool {
            let scratch = try Scratch()
            let files = Self.oddModel(seed: seed)
            try ModelMaker.write(files, to: scratch["model"])
            let shelf = try Shelf(at: scratch["store"])
            let digest = try await shelf.bring(scratch["model"], as: "m")
            #expect(try await shelf.files(of: "m") == files, "seed \(seed)")
            #expect(try await Shelf(at: scratch["store"]).damages().isEmpty, "seed \(seed)")
            // Brought again, from elsewhere, after another and into a store of its own: the same model.
            try Bend.copy(scratch["model"], to: scratch["elsewhere"])
            let other = try Shelf(at: scratch["other"])
            try ModelMaker.write(Self.oddModel(seed: seed &+ 1), to: scratch["first"])
            try await other.bring(scratch["first"], as: "first")
            #expect(try await other.bring(scratch["elsewhere"], as: "m") == digest, "seed \(seed)")
            let objects = try shelf.entries("objects")
            #expect(try await shelf.bring(scratch["elsewhere"], as: "again") == digest)
            #expect(try shelf.entries("objects") == objects && shelf.entries("manifests").count == 1)
        }
    }

    @Test func `stores what it shares once`() async throws {
        try await onPool {
            let scratch = try Scratch()
            try ModelMaker.write(ModelMaker.small(seed: 1), to: scratch["one"])
            let shelf = try Shelf(at: scratch["store"])
            try await shelf.bring(scratch["one"], as: "one")
            let packs = try shelf.entries("packs")
            // Tied tensors are one layer; the same tensors in another file under another name are, too.
            let large = ModelMaker.Part("model.embed.weight", bytes: (1 << 20) + 4096, seed: 1, .mixed)
            try ModelMaker.write(
                ["renamed/weights.safetensors": ModelMaker.safetensors([.init(large.tensor, large.bytes)])],
                to: scratch["two"])
            try await shelf.bring(scratch["two"], as: "two")
            #expect(try shelf.entries("objects").count == 1)
            #expect(try shelf.entries("packs").count == packs.count + 1)
            let shared = try Set(shelf.layers(of: "one").map(\.digest)).intersection(
                shelf.layers(of: "two").map(\.digest))
            #expect(shared.count == 1)
        }
    }

    @Test func `that is not valid safetensors comes back when it was kept as bytes`() async throws {
        try await onPool {
            let scratch = try Scratch()
            let files: ModelMaker.Files = ["model.safetensors": Array("nonsense".utf8), "none.safetensors": []]
            try ModelMaker.write(files, to: scratch["model"])
            let shelf = try Shelf(at: scratch["store"])
            await #expect(throws: CakeError.self) { try await shelf.bring(scratch["model"], as: "m") }
            #expect(try shelf.names().isEmpty && shelf.entries("manifests").isEmpty)
            try await shelf.bring(scratch["model"], as: "m", isLenient: true)
            #expect(try await shelf.files(of: "m") == files)
        }
    }
}

@Suite struct `An export` {
    struct Setting {
        let scratch: Scratch
        let shelf: Shelf
        let files: ModelMaker.Files

        init() async throws {
            scratch = try Scratch()
            files = try ModelMaker.small()
            try ModelMaker.write(files, to: scratch["model"])
            shelf = try Shelf(at: scratch["store"])
            try await shelf.bring(scratch["model"], as: "m")
        }

        var out: String { scratch["out"] }
    }

    @Test func `refuses to replace other content unless forced, and keeps what is not its own`() async throws {
        try await onPool {
            let setting = try await Setting()
            let before: ModelMaker.Files = ["config.json": Array("mine".utf8), "own.txt": [1]]
            try ModelMaker.write(before, to: setting.out)
            let failure = await #expect(throws: CakeError.self) { try await setting.shelf.export("m", to: setting.out) }
            #expect(failure?.what.contains("config.json") == true && failure?.fix?.contains("--force") == true)
            #expect(try ModelMaker.read(setting.out) == before)
            try await setting.shelf.export("m", to: setting.out, isForced: true)
            #expect(try ModelMaker.read(setting.out) == setting.files.merging(["own.txt": [1]]) { $1 })
        }
    }

    @Test func `leaves files alone that are there already`() async throws {
        try await onPool {
            let setting = try await Setting()
            try await setting.shelf.export("m", to: setting.out)
            let inodes = try setting.files.keys.sorted().map { try Disk.status(setting.out + "/" + $0)?.inode }
            try Bend.remove(setting.out + "/extra/notes.txt")
            try await setting.shelf.export("m", to: setting.out)
            let after = try setting.files.keys.sorted().map { try Disk.status(setting.out + "/" + $0)?.inode }
            #expect(zip(inodes, after).count { $0 == $1 } >= 3)
            #expect(try ModelMaker.read(setting.out) == setting.files)
        }
    }

    @Test(arguments: [false, true]) func `writes through no link`(isForced: Bool) async throws {
        try await onPool {
            let setting = try await Setting()
            try ModelMaker.write(["config.json": Array("mine".utf8)], to: setting.scratch["victim"])
            try Bend.makeFolder(setting.out)
            try Bend.link(setting.out + "/extra", to: setting.scratch["victim"])
            await #expect(throws: CakeError.self) {
                try await setting.shelf.export("m", to: setting.out, isForced: isForced)
            }
            try Bend.remove(setting.out + "/extra")
            for target in ["victim/config.json", "victim/new"] {
                try Bend.link(setting.out + "/config.json", to: setting.scratch[target])
                await #expect(throws: CakeError.self) {
                    try await setting.shelf.export("m", to: setting.out, isForced: isForced)
                }
                try Bend.remove(setting.out + "/config.json")
            }
            #expect(try ModelMaker.read(setting.scratch["victim"]) == ["config.json": Array("mine".utf8)])
            #expect(try ModelMaker.read(setting.out).isEmpty)
            try ModelMaker.write(["file": []], to: setting.scratch.path)
            await #expect(throws: CakeError.self) { try await setting.shelf.export("m", to: setting.scratch["file"]) }
        }
    }

    @Test func `leaves nothing under a final name when a layer in the middle is damaged`() async throws {
        try await onPool {
            let setting = try await Setting()
            let object = try #require(setting.shelf.entries("objects").first.flatMap { Digest(hex: $0) })
            try Bend.flip(setting.shelf.object(object), at: 2000)
            let failure = await #expect(throws: CakeError.self) { try await setting.shelf.export("m", to: setting.out) }
            #expect(failure?.kind == .damaged && failure?.what.contains("model.embed.weight") == true)
            #expect(try Disk.names(in: setting.out).isEmpty)
        }
    }
}
