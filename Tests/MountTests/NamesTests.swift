import Foundation
import Model
import Platform
import Store
import Support
import Testing

@testable import Mount

@Suite struct `A mount's tree of names` {
    /// The place of a model's files, and why.
    static let places: [(name: String, place: String)] = [
        // One part, two, and more.
        ("one", "one"), ("org/name", "org/name"), ("org/deep/er/name", "org/deep/er/name"),
        // Revisions, of which some have parts of their own.
        ("org/name@v1", "org/name@v1"), ("org/name@refs/pr/1", "org/name@refs/pr/1"), ("a@main", "a@main"),
        // Beside the files of `a`, which has b, d/x and config.json.
        ("a", "a"), ("a/c", "a/c"), ("a/c/e", "a/c/e"), ("a-b", "a-b"),
        // It would hide a file of `a`, or a folder, or something in that.
        ("a/b", ".names/a%2Fb"), ("a/b/more", ".names/a%2Fb%2Fmore"), ("a/d", ".names/a%2Fd"),
        ("a/d/x", ".names/a%2Fd%2Fx"), ("a/d/new", ".names/a%2Fd%2Fnew"), ("a/config.json", ".names/a%2Fconfig.json"),
        // Another case is another name.
        ("a/B", "a/B"), ("A/b", "A/b"),
        // A colon, as registries have; parts that begin with a dot, or that are nothing.
        ("host:5000/team/m:v1", ".names/host%3A5000%2Fteam%2Fm%3Av1"), ("m:v1", ".names/m%3Av1"),
        ("org/.hidden", ".names/org%2F.hidden"), ("org/../up", ".names/org%2F..%2Fup"),
        ("org/./here", ".names/org%2F.%2Fhere"), ("org//twice", ".names/org%2F%2Ftwice"),
        // Letters beyond ASCII, and what only a kernel takes for a file name.
        ("org/größe", "org/größe"), ("org/%41", "org/%41"), ("org/a*b?", "org/a*b?"),
    ]

    @Test func `has each model at one place, with its own files`() async throws {
        try await onPool {
            let bench = try TreeBench()
            let more: ModelMaker.Files = ["b": Array("b".utf8), "d/x": Array("x".utf8)]
            for (name, _) in Self.places { try await bench.bring(name, name == "a" ? more : [:]) }
            let tree = bench.tree()
            let all = Set(try tree.walk())
            for (name, place) in Self.places {
                let node = try #require(try tree.look(place + "/config.json"), "\(name) at \(place)")
                let text = String(decoding: try await bench.bytes(node, in: tree), as: UTF8.self)
                #expect(text == "{\"name\": \"\(name)\", \"seed\": 0}\n", "\(name) at \(place)")
                #expect(all.contains(place + "/config.json"), "\(name) is listed at \(place)")
                let escaped = ".names/" + (try ModelName(name)).fileName
                let isEscaped = try tree.look(escaped) != nil
                #expect(isEscaped == (escaped == place), "\(name) is nowhere else")
            }
            #expect(all.filter { $0.hasSuffix("config.json") }.count == Self.places.count)
            for path in all where !path.hasSuffix("/") { #expect(try tree.look(path) != nil, "\(path) can be opened") }
        }
    }

    @Test func `knows no other names`() async throws {
        try await onPool {
            let bench = try TreeBench()
            try await bench.bring("org/name", ["dir/file": [1], "dir-2/file": [2]])
            let tree = bench.tree()
            let long = String(repeating: "x", count: 256)
            for folder in ["", "org", "org/name", "org/name/dir", ".names", ".fast", ".hf"] {
                let node = folder.isEmpty ? tree.root : try #require(try tree.look(folder))
                for name in ["", ".", "..", "a\0b", "config.json\0", "dir/file", "/", long, "Config.json", "DIR", "é"] {
                    #expect(try tree.node(name, in: node) == nil, "\(name.debugDescription) in \(folder)")
                }
            }
            #expect(try tree.look("org/name/dir/fil") == nil)
            #expect(try tree.look("org/name/di") == nil)
            #expect(try tree.look("or") == nil)
            #expect(try tree.look("org/nam") == nil)
            #expect(try tree.look("org/name/config.json/x") == nil)
            #expect(try tree.list("org/name") == ["config.json", "dir-2", "dir"])
            #expect(try tree.list("org/name/dir") == ["file"])
        }
    }

    @Test func `follows names that come, move and go, while what was opened stays`() async throws {
        try await onPool {
            let bench = try TreeBench()
            let tree = bench.tree()
            #expect(try tree.walk().isEmpty)
            try await bench.bring("org/m", seed: 1)
            let folder = try #require(try tree.look("org/m"))
            let first = try #require(try tree.look("org/m/config.json"))
            #expect(try await tree.attributes(of: first).size == UInt64(bench.bytes(first, in: tree).count))
            try await bench.bring("org/m", ["new.txt": [1]], seed: 22)
            let second = try #require(try tree.look("org/m/config.json"))
            #expect(second != first)
            #expect(try tree.look("org/m") == folder)
            #expect(try await String(decoding: bench.bytes(first, in: tree), as: UTF8.self).contains("1"))
            #expect(try await String(decoding: bench.bytes(second, in: tree), as: UTF8.self).contains("22"))
            #expect(try tree.list("org/m") == ["config.json", "new.txt"])
            try bench.shelf.remove("org/m")
            #expect(try tree.look("org/m") == nil)
            #expect(try tree.look("org") == nil)
            #expect(try tree.walk().isEmpty)
            #expect(throws: CakeError.self) { try tree.attributes(of: folder) }
            #expect(try await String(decoding: bench.bytes(second, in: tree), as: UTF8.self).contains("22"))
        }
    }

    @Test func `shows a model where it belongs when the one that it was hidden by goes`() async throws {
        try await onPool {
            let bench = try TreeBench()
            let tree = bench.tree()
            try await bench.bring("a", ["b": [1]])
            try await bench.bring("a/b")
            #expect(try tree.look(".names/a%2Fb/config.json") != nil)
            #expect(try tree.list("") == ["a", ".names"])
            try bench.shelf.remove("a")
            #expect(try tree.look(".names/a%2Fb") == nil)
            #expect(try tree.list("") == ["a"])
            #expect(try tree.look("a/b/config.json") != nil)
            #expect(try tree.look("a/config.json") == nil)
        }
    }

    @Test func `has the times of the names`() async throws {
        try await onPool {
            let bench = try TreeBench()
            try await bench.bring("org/m", ["dir/file": [1]])
            let time = try #require(try bench.shelf.store.find("org/m").record.time)
            let tree = bench.tree()
            for path in ["org/m", "org/m/config.json", "org/m/dir", "org/m/dir/file"] {
                #expect(try tree.attributes(of: #require(try tree.look(path))).modified == time, "\(path)")
            }
            #expect(try tree.attributes(of: #require(try tree.look("org"))).modified >= time)
        }
    }

    @Test func `leaves out names that were not asked for, and closed models where others look`() async throws {
        try await onPool {
            let bench = try TreeBench()
            for name in ["open/m", "closed/m", "mirrored/m"] { try await bench.bring(name) }
            try bench.change("closed/m") { $0.mark = .mirroredClosed }
            try bench.change("mirrored/m") { $0.mark = .mirrored }
            let table: [(only: [String], showsClosed: Bool, shown: [String])] = [
                ([], true, ["closed", "mirrored", "open"]), ([], false, ["mirrored", "open"]),
                (["open/m"], true, ["open"]), (["*/m"], false, ["mirrored", "open"]), (["closed/*"], false, []),
                (["closed/*"], true, ["closed"]), (["no/such"], true, []),
            ]
            for (only, showsClosed, shown) in table {
                let tree = bench.tree(only: only, showsClosed: showsClosed)
                #expect(try tree.list("") == shown, "\(only) \(showsClosed)")
                #expect(try tree.list(".hf") == shown.map { "models--\($0)--m" }, "\(only) \(showsClosed)")
                for name in ["open", "closed", "mirrored"] {
                    let isShown = shown.contains(name)
                    for path in [name, "\(name)/m/config.json", ".hf/models--\(name)--m/refs/main"] {
                        let node = try tree.look(path)
                        #expect((node != nil) == isShown, "\(path) with \(only) \(showsClosed)")
                    }
                }
            }
        }
    }

    @Test func `counts the stores below, under names that are not here`() async throws {
        try await onPool {
            let below = try TreeBench()
            try await below.bring("both", seed: 1)
            try await below.bring("below", seed: 1)
            let bench = try TreeBench(lower: [below.shelf.root])
            try await bench.bring("both", seed: 2)
            let tree = bench.tree()
            #expect(try tree.list("") == ["below", "both"])
            for (name, seed) in [("below", "1"), ("both", "2")] {
                let node = try #require(try tree.look(name + "/config.json"))
                let text = try await String(decoding: bench.bytes(node, in: tree), as: UTF8.self)
                #expect(text.contains("\"seed\": \(seed)"))
            }
        }
    }

    @Test func `keeps other models readable beside a damaged name`() async throws {
        try await onPool {
            let bench = try TreeBench()
            for name in ["good", "bad"] { try await bench.bring(name) }
            try Data("no name".utf8).write(to: URL(filePath: bench.shelf.root + "/names/bad"))
            try Data("?".utf8).write(to: URL(filePath: bench.shelf.root + "/names/~~"))
            let tree = bench.tree()
            #expect(try tree.list("").contains("good"))
            #expect(try tree.look("good/config.json") != nil)
            #expect(throws: CakeError.self) { try tree.look("bad/config.json") }
            #expect(try tree.list(".hf") == ["models--good"])
        }
    }
}
