import Foundation
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

@Suite struct `A folder that is imported` {
    static func source(_ folder: String, followingAllLinks: Bool = false) throws -> FolderSource {
        let found = try ImportPath(folder, name: ModelName("m"), followingAllLinks: followingAllLinks)
        return try #require(found.candidates.first).source
    }

    @Test func `is taken with its folders and without what belongs to tools`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(
            ["a.txt": [1], "deep/er/b.txt": [2], ".git/config": [3], "sub/.cache/x": [4], ".gitattributes": [5]],
            to: scratch["model"])
        let source = try Self.source(scratch["model"])
        #expect(source.files.map(\.path.string) == [".gitattributes", "a.txt", "deep/er/b.txt"])
        #expect(source.skipped == [".git", "sub/.cache"])
    }

    @Test func `may hold links to what is inside`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["real/a.txt": [1]], to: scratch["model"])
        try Bend.link(scratch["model/b.txt"], to: "real/a.txt")
        try Bend.link(scratch["model/folder"], to: scratch["model/real"])
        let source = try Self.source(scratch["model"])
        #expect(source.files.map(\.path.string) == ["b.txt", "folder/a.txt", "real/a.txt"])
        // And the folder itself may be one.
        try Bend.link(scratch["other"], to: scratch["model"])
        #expect(try Self.source(scratch["other"]).files.count == 3)
    }

    @Test func `may hold links to what is outside only when that is meant`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["secret": [1], "model-2/b": [3]], to: scratch.path)
        try ModelMaker.write(["a.txt": [2]], to: scratch["model"])
        for target in ["../secret", "../model-2", "/etc/hostname", "../model-2/b"] {
            let link = scratch["model/link"]
            try? Bend.remove(link)
            try Bend.link(link, to: target)
            let failure = #expect(throws: CakeError.self) { try Self.source(scratch["model"]) }
            #expect(failure?.what.contains("points out of") == true)
            #expect(try Self.source(scratch["model"], followingAllLinks: true).files.count == 2)
        }
    }

    @Test func `with a link that never ends or leads to nothing is refused`() throws {
        for target in [".", "..", "self", "nowhere", "sub/deeper"] {
            let scratch = try Scratch()
            try ModelMaker.write(["a.txt": [1], "sub/b.txt": [2]], to: scratch["model"])
            try Bend.link(scratch["model/sub/deeper"], to: "../../model")
            if target != "sub/deeper" { try Bend.link(scratch["model/self"], to: target) }
            for follows in [false, true] {
                #expect(throws: CakeError.self, "\(target)") {
                    try Self.source(scratch["model"], followingAllLinks: follows)
                }
            }
        }
    }

    @Test func `with something that is no file is refused`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["a.txt": [1]], to: scratch["model"])
        #expect(try Tool.run("mkfifo", [scratch["model/pipe"]]).status == 0)
        let failure = #expect(throws: CakeError.self) { try Self.source(scratch["model"]) }
        #expect(failure?.what.contains("pipe") == true)
        #expect(throws: CakeError.self) { try Self.source(scratch["model/pipe"]) }
    }

    @Test func `with a name that is no text is refused, and never left out`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["a.txt": [1]], to: scratch["model"])
        let line = "printf x > \"$(printf '%s/caf\\351.txt' '\(scratch["model"])')\""
        #expect(try Tool.run("sh", ["-c", line]).status == 0)
        #expect(try Disk.names(in: scratch["model"]).count == 2)
        #expect(throws: CakeError.self) { try Self.source(scratch["model"]) }
    }

    @Test(arguments: ["a\\b", "line\nbreak", "tab\there"]) func `with a name that leads elsewhere is refused`(
        name: String
    ) throws {
        let scratch = try Scratch()
        try ModelMaker.write([name: [1]], to: scratch["model"])
        #expect(throws: CakeError.self) { try Self.source(scratch["model"]) }
    }

    @Test func `with names that meet on some disks is refused`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["Config.json": [1], "config.json": [2]], to: scratch["model"])
        #expect(throws: CakeError.self) { try Self.source(scratch["model"]) }
    }

    @Test func `without files, or not there, is refused`() throws {
        let scratch = try Scratch()
        try ModelMaker.write([".git/x": [1]], to: scratch["model"])
        for path in ["model", "none"] {
            let failure = #expect(throws: CakeError.self) { try Self.source(scratch[path]) }
            #expect(failure?.kind == .notFound)
        }
    }

    @Test func `gives its own name to the model`() throws {
        let scratch = try Scratch()
        try ModelMaker.write(["model.safetensors": [1], "other.bin": [2]], to: scratch["my-ft"])
        func name(_ path: String) throws -> String {
            try #require(ImportPath(scratch[path], name: nil, followingAllLinks: false).candidates.first).name.string
        }
        #expect(try name("my-ft") == "my-ft")
        #expect(try name("my-ft/model.safetensors") == "my-ft")
        #expect(try name("my-ft/other.bin") == "other")
    }
}

@Suite struct `A cache of the Hub's` {
    static let commit = String(repeating: "c", count: 40)

    /// A repository with one snapshot, whose weights are a blob under their SHA-256.
    static func make(_ hub: String, repository: String = "models--org--name", commits: [String], main: String?) throws {
        let folder = hub + "/" + repository
        for commit in commits {
            let bytes = Array("config of \(commit)".utf8)
            let weights = try ModelMaker.safetensors([.init("w", bytes: 64, seed: UInt64(commit.utf8.first ?? 0))])
            let name = SHA256.digest(of: weights.span).hex
            try ModelMaker.write(["blobs/\(name)": weights, "blobs/git-\(commit)": bytes], to: folder)
            let snapshot = folder + "/snapshots/" + commit
            try Bend.makeFolder(snapshot)
            try Bend.link(snapshot + "/model.safetensors", to: "../../blobs/\(name)")
            try Bend.link(snapshot + "/config.json", to: "../../blobs/git-\(commit)")
        }
        if let main { try ModelMaker.write(["refs/main": Array(main.utf8)], to: folder) }
    }

    static func candidates(_ path: String, name: ModelName? = nil) throws -> [String: ImportPath.Candidate] {
        let found = try ImportPath(path, name: name, followingAllLinks: false).candidates
        return Dictionary(uniqueKeysWithValues: found.map { ($0.name.string, $0) })
    }

    @Test func `gives each repository its name and remembers where it came from`() throws {
        let scratch = try Scratch()
        let (one, two) = (String(repeating: "1", count: 40), String(repeating: "2", count: 40))
        try Self.make(scratch["hf/hub"], commits: [one, two], main: two)
        try Self.make(scratch["hf/hub"], repository: "models--gpt2", commits: [one], main: nil)
        try Bend.makeFolder(scratch["hf/hub/datasets--org--d/snapshots"])
        try ModelMaker.write(["hub/version.txt": [1], "token": [2]], to: scratch["hf"])
        for path in ["hf", "hf/hub"] {
            let found = try Self.candidates(scratch[path])
            #expect(found.keys.sorted() == ["gpt2", "org/name", "org/name@\(one)"])
            #expect(found["org/name"]?.commit == two && found["org/name"]?.revision == "main")
            #expect(found["org/name"]?.origin == "hf://org/name")
            #expect(found["gpt2"]?.commit == one && found["gpt2"]?.revision == nil)
        }
        let snapshot = try Self.candidates(scratch["hf/hub/models--org--name/snapshots/\(one)"])
        #expect(snapshot.values.first?.commit == one && snapshot.count == 1)
        #expect(try Self.candidates(scratch["hf/hub/models--org--name"]).count == 2)
        #expect(throws: CakeError.self) { try Self.candidates(scratch["hf"], name: ModelName("all")) }
    }

    @Test func `may lie behind a link`() throws {
        let scratch = try Scratch()
        try Self.make(scratch["disk/cache"], commits: [Self.commit], main: Self.commit)
        try Bend.makeFolder(scratch["hf"])
        try Bend.link(scratch["hf/hub"], to: scratch["disk/cache"])
        #expect(try Self.candidates(scratch["hf"]).keys.sorted() == ["org/name"])
        // And one repository of it, moved to another disk.
        try Bend.move(scratch["disk/cache/models--org--name"], to: scratch["elsewhere"])
        try Bend.link(scratch["disk/cache/models--org--name"], to: scratch["elsewhere"])
        #expect(try Self.candidates(scratch["hf"]).keys.sorted() == ["org/name"])
    }

    @Test func `may share its blobs between repositories, and nothing else`() throws {
        let scratch = try Scratch()
        try Self.make(scratch["hub"], commits: [Self.commit], main: Self.commit)
        let snapshot = scratch["hub/models--org--name/snapshots/\(Self.commit)"]
        try ModelMaker.write(["blobs/shared": [1]], to: scratch["hub"])
        try Bend.link(snapshot + "/shared.bin", to: "../../../blobs/shared")
        #expect(try Self.candidates(scratch["hub"])["org/name"]?.source.files.count == 3)
        try ModelMaker.write(["secrets/token": [1]], to: scratch["hub"])
        try Bend.link(snapshot + "/bad.bin", to: "../../../secrets/token")
        #expect(throws: CakeError.self) { try Self.candidates(scratch["hub"]) }
    }

    @Test func `with a blob that is not what its name says is damaged`() async throws {
        try await onPool {
            let scratch = try Scratch()
            try Self.make(scratch["hub"], commits: [Self.commit], main: Self.commit)
            let shelf = try Shelf(at: scratch["store"])
            let folder = scratch["hub/models--org--name"]
            try await shelf.bring(folder, as: "good")
            let blobs = try Disk.names(in: folder + "/blobs").filter { Digest(hex: $0) != nil }
            try Bend.flip(folder + "/blobs/" + blobs[0], at: -1)
            let failure = await #expect(throws: CakeError.self) { try await shelf.bring(folder, as: "bad") }
            #expect(failure?.kind == .damaged && failure?.what.contains("model.safetensors") == true)
            #expect(try shelf.names() == ["good"])
        }
    }
}
