import Foundation
import Hub
import Model
import Store
import Support
import Testing

@testable import cake

/// A name of a model, and another model that should get it.
@Suite struct `A name that is taken` {
    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("one", seed: 1)
        try home.makeModel("two", seed: 2, tensors: 9)
        #expect(try home.cake("import", home.path("one").path, "name").status == 0)
        #expect(try home.cake("import", home.path("two").path, "other").status == 0)
    }

    /// The model of the name.
    private func model(_ name: String = "name", in home: Home? = nil) throws -> String? {
        let document = (home ?? self.home).cakeDocument("inspect", name)
        return document?["manifest"]?.string
    }

    private func make(_ path: String, like model: String) throws {
        let place = home.path(path)
        try FileManager.default.createDirectory(
            at: place.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(at: home.path(model), to: place)
    }

    enum Way: CaseIterable {
        case folder, file, byFolderName, archive, cache, tag, sameSizes

        var words: [String] {
            switch self {
            case .folder: ["import", "two", "name"]
            case .file: ["import", "two/model.safetensors", "name"]
            case .byFolderName: ["import", "elsewhere/name"]
            case .archive: ["import", "two.pt", "name"]
            case .cache: ["import", "cache"]
            case .tag: ["tag", "other", "name"]
            case .sameSizes: ["import", "same", "name"]
            }
        }
    }

    private func prepare() throws {
        try make("elsewhere/name", like: "two")
        try make("cache/models--name/snapshots/" + String(repeating: "a", count: 40), like: "two")
        #expect(try home.cake("export", "other", "--format", "fast", "-o", home.path("two.pt").path).status == 0)
        // As large in every file, and other bytes.
        try home.makeModel("same", seed: 3)
    }

    private func run(_ words: [String]) throws -> Tool {
        let line = words.map { "'\($0)'" }.joined(separator: " ")
        return try home.shell("cd && exec $CAKE \(line)")
    }

    @Test(arguments: Way.allCases) func `stays with its model unless --force says otherwise`(way: Way) throws {
        try prepare()
        let before = try #require(try model())
        let refused = try run(way.words)
        #expect(refused.status == 1, "\(way): \(refused.output)\(refused.errors)")
        #expect(try model() == before, "\(way)")
        // What is there: how large, which, since when, from where; and what to type.
        for word in ["name is another model", "kB", String(before.prefix(12)), "imported just now", "/one", "--force"] {
            #expect(refused.errors.contains(word), "\(way) says \(refused.errors)")
        }
        if way != .tag {
            let dry = try run(way.words + ["--dry-run"])
            #expect(dry.status == 1, "\(way) --dry-run")
        }
        let forced = try run(way.words + ["--force"])
        #expect(forced.status == 0, "\(way): \(forced.errors)")
        #expect(try model() != before, "\(way)")
    }

    @Test func `goes on to what its own folder holds now, and is no conflict with the same content`() throws {
        let before = try #require(try model())
        try make("copy", like: "one")
        #expect(try home.cake("import", home.path("copy").path, "name").status == 0)
        #expect(try model() == before)
        #expect(try home.cake("tag", "name", "name").status == 0)
        // The name came from this folder last.
        try home.makeModel("copy", seed: 4)
        let again = try home.cake("import", home.path("copy").path, "name")
        #expect(again.status == 0 && again.output.contains("before"))
        #expect(try model() != before)
    }

    @Test func `keeps one model of a cache out, and lets the others in`() throws {
        let commit = String(repeating: "a", count: 40)
        try make("cache/models--name/snapshots/\(commit)", like: "two")
        try make("cache/models--org--fine/snapshots/\(commit)", like: "two")
        let before = try #require(try model())
        let result = try home.cake("import", home.path("cache").path)
        #expect(result.status == 1 && result.errors.contains("1 of 2 models"))
        #expect(try model() == before)
        #expect(try model("org/fine") != nil)
    }

    @Test func `keeps the files of a commit that a cache has not`() throws {
        let commit = String(repeating: "a", count: 40)
        try make("cache/models--org--m/snapshots/\(commit)", like: "two")
        #expect(try home.cake("import", home.path("cache").path).status == 0)
        let before = try #require(try model("org/m"))
        try FileManager.default.removeItem(at: home.path("cache/models--org--m/snapshots/\(commit)/model.safetensors"))
        #expect(try home.cake("import", home.path("cache").path).status == 0)
        #expect(try model("org/m") == before)
    }

    @Test func `is not pulled over`() throws {
        let hub = try HubHome()
        let taken = try hub.folder.cake("import", home.path("two").path, "org/tune")
        #expect(taken.status == 0)
        let before = try hub.store().find("org/tune").record.manifest
        for words in [["pull", "org/tune"], ["download", "org/tune", "config.json"]] {
            let refused = try hub.cake(words)
            #expect(refused.status == 1, "\(words)")
            #expect(
                refused.errors.contains("org/tune is another model") && refused.errors.contains("cake tag org/tune"))
            #expect(try hub.store().find("org/tune").record.manifest == before)
        }
        #expect(hub.hub.count(.path(endingIn: ".safetensors")) == 0)
        #expect(try hub.cake("pull", "org/tune", "--force").status == 0)
        #expect(try hub.store().find("org/tune").record.manifest != before)
        // It is the Hub's now: the next pull is an update.
        #expect(try hub.cake("pull", "org/tune").status == 0)
    }
}

@Suite struct `Digits of an id` {
    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("one", seed: 1)
        for name in ["a", "b"] { #expect(try home.cake("import", home.path("one").path, name).status == 0) }
    }

    @Test func `that have two names are a choice that nobody makes for the user`() throws {
        let id = try #require(home.cakeDocument("inspect", "a")?["manifest"]?.string)
        let digits = String(id.prefix(12))
        let verbs = [
            "rm \(digits)", "rm a \(digits)", "tag \(digits) c", "pin \(digits)", "unpin \(digits)",
            "inspect \(digits)",
            "export \(digits) -o out", "diff \(digits) a", "verify \(digits)", "optimize \(digits)",
            "push \(digits) localhost:1/m:v1", "cat \(digits) config.json", "rm --dry-run sha256:\(id)",
            "import one d --base \(digits)",
        ]
        for words in verbs {
            let result = try home.shell("cd && exec $CAKE \(words)")
            #expect(result.status == 1, "\(words): \(result.output)")
            #expect(result.errors.contains("has 2 names: a (\(digits)), b (\(digits))"), "\(words): \(result.errors)")
        }
        #expect(try home.cake("ls", "-q").output == "a\nb\n")
        #expect(try home.cake("rm", "b").status == 0)
        #expect(try home.cake("tag", digits, "c").status == 0)
        #expect(try home.cake("rm", "a").status == 0)
        #expect(try home.cake("rm", digits).output.contains("removed c"))
    }

    @Test func `and names that are given twice count once`() throws {
        let digits = String(try #require(home.cakeDocument("inspect", "a")?["manifest"]?.string).prefix(12))
        #expect(try home.cake("rm", "b").status == 0)
        let pinned = try home.cake("pin", "a", "a", digits)
        #expect(pinned.status == 0 && pinned.output == "pinned a\n")
        #expect(try home.cake("unpin", "a").status == 0)
        let removed = try home.cake("rm", "a", "a", digits)
        #expect(removed.status == 0, "\(removed.errors)")
        #expect(removed.output.split(separator: "\n").count { $0.hasPrefix("removed") } == 1)
    }
}

extension Home {
    /// cake's JSON output; nil when it fails.
    func cakeDocument(_ words: String...) -> JSONValue? {
        guard let result = try? Tool.run(Tool.cake, words + ["--json"], variables: ["HOME": folder.path]) else {
            return nil
        }
        return try? JSONValue(parsing: Array(result.output.utf8).span, limit: 64 << 20)
    }
}
