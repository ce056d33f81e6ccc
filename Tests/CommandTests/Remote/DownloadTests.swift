import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

@Suite struct `A download` {
    private let hub: HubHome

    init() throws { hub = try HubHome() }

    private var snapshots: String { hub.folder.path + "/.cache/huggingface/hub/models--org--tune/snapshots/" }

    @Test func `prints the path of its files, and nothing else, on standard output`() throws {
        let commit = try #require(hub.document("pull", "org/tune", "--dry-run")["commit"]?.string)
        let cache = snapshots + commit
        let rows: [(words: [String], path: String)] = [
            ([], cache), (["config.json"], cache + "/config.json"), (["config.json", "README.md"], cache),
            (["--include", "*.json"], cache), (["--local-dir", "./out"], hub.folder.path + "/out"),
            (["config.json", "--local-dir", "out"], hub.folder.path + "/out/config.json"),
            (["--cache-dir", "hf"], hub.folder.path + "/hf/models--org--tune/snapshots/" + commit),
        ]
        for (words, path) in rows {
            for quiet in [[], ["--quiet"]] {
                let result = try hub.cake(["download", "org/tune"] + words + quiet)
                #expect(result.status == 0, "\(words): \(result.errors)")
                #expect(result.output == path + "\n", "\(words)")
                #expect(result.errors.isEmpty == !quiet.isEmpty, "\(result.errors)")
                #expect(FileManager.default.fileExists(atPath: path), "\(path)")
            }
            let document = try ModelFolder.document(try hub.cake(["download", "org/tune", "--json"] + words))
            #expect(document["path"]?.string == path && document["commit"]?.string == commit)
        }
        let config = try #require(FileManager.default.contents(atPath: cache + "/config.json"))
        #expect(Array(config) == Array(SmallModel.config.utf8))
    }

    @Test func `moves the cache's reference to the commit that the Hub names`() throws {
        let commit = try #require(hub.document("pull", "org/tune", "--dry-run")["commit"]?.string)
        let refs = hub.folder.path + "/.cache/huggingface/hub/models--org--tune/refs"
        try FileManager.default.createDirectory(atPath: refs, withIntermediateDirectories: true)
        try Data(String(repeating: "a", count: 40).utf8).write(to: URL(filePath: refs + "/main"))
        #expect(try hub.cake("download", "org/tune", "config.json").status == 0)
        #expect(try String(contentsOfFile: refs + "/main", encoding: .utf8) == commit)
    }

    @Test func `--revision main is the model that is meant without it`() throws {
        for words in [
            ["download", "org/base", "config.json"], ["download", "org/base", "--revision", "main", "config.json"],
            ["pull", "org/base", "--revision", "main"],
        ] {
            #expect(try hub.cake(words).status == 0)
            #expect(try hub.cake("ls", "--names").output == "org/base\n", "\(words)")
        }
    }

    @Test func `asks for a folder before it begins, where there is no home`() throws {
        let result = try hub.cake("download", "org/tune", variables: ["HOME": ""])
        #expect(result.status == 2 && result.errors.contains("--local-dir DIR"), "\(result.errors)")
        #expect(hub.hub.requests.isEmpty)
    }
}

@Suite struct `A pull of several models` {
    @Test(arguments: [
        (["org/base", "org/tune"], 0, "left out: pytorch_model.bin"),
        (["org/nix", "org/base"], 10, "1 of 2 models was not pulled"),
        (["org/nix", "org/base", "org/none"], 10, "2 of 3 models were not pulled"),
        (["org/base", "org/nix", "org/taken"], 1, "2 of 3 models were not pulled"),
    ])
    func `tries each, then says which failed and why`(names: [String], status: Int32, what: String) throws {
        let hub = try HubHome()
        try hub.shelf.write("org/taken", "config.json", Array("{}".utf8))
        try hub.folder.write(SmallModel(layers: 1).tensors, "own/model.safetensors")
        #expect(try hub.folder.cake("import", "own", "org/taken").status == 0)
        let result = try hub.cake(["pull"] + names)
        #expect(result.status == status && result.errors.contains(what), "\(result.errors)")
        #expect(result.output.contains("pulled org/base"))
        for name in names where !result.output.contains("pulled \(name)") {
            #expect(result.errors.contains("cake: \(what)") && result.errors.contains("      \(name)\n"))
            let start = try #require(result.errors.range(of: "\(name) was not pulled: ")).upperBound
            let reason = result.errors[start...].prefix { $0 != "\n" }
            #expect(result.errors.ranges(of: reason).count == 1, "once: \(result.errors)")
            // Without notes it comes at the end.
            let quiet = try hub.cake(["pull", "-q"] + names).errors
            #expect(quiet.contains("      \(name): \(reason)\n") && quiet.ranges(of: reason).count == 1, "\(quiet)")
        }
        let document = try ModelFolder.document(try hub.cake(["pull", "--json", "-q"] + names))
        #expect(document.array?.map { $0["name"]?.string } == names)
        #expect(document.array?.count { $0["error"] != nil } == result.errors.split(separator: "\n      ").count - 1)
    }

    @Test func `is refused before the first, when one is misspelled`() throws {
        let hub = try HubHome()
        #expect(try hub.cake("pull", "org/base", "../x").status == 2)
        #expect(hub.hub.requests.isEmpty)
    }
}

@Suite struct `A name that a pull gives` {
    @Test func `is what --as says`() throws {
        let hub = try HubHome()
        let result = try hub.cake("pull", "org/tune", "--as", "mine")
        #expect(result.status == 0 && result.output.hasPrefix("pulled mine from org/tune"), "\(result.errors)")
        #expect(try hub.document("inspect", "mine")["source"]?.string == "hf://org/tune")
        for (words, fix) in [
            (["org/tune", "org/base", "--as", "m"], "one by one"), (["org/tune", "--as", "gpt2"], "--force"),
            (["org/tune", "mine"], "cake pull org/tune --as mine"),
        ] {
            let refused = try hub.cake(["pull"] + words)
            #expect(refused.status != 0 && refused.errors.contains(fix), "\(words): \(refused.errors)")
        }
        #expect(try hub.cake("pull", "org/base", "gpt2").errors.contains("gpt2"))
        #expect(try hub.folder.cake("ls", "-q").output == "mine\norg/base\n")
    }

    @Test func `may follow a registry's model as a word`() throws {
        let home = try Home()
        try home.makeModel("one")
        try home.cake("import", home.path("one").path, "one")
        let served = try Served(home, "--push")
        let place = "127.0.0.1:\(served.port)/team/m:v1"
        #expect(try home.cake("push", "one", place).status == 0)
        let user = try Home()
        let result = try user.cake("pull", place, "m")
        #expect(result.status == 0 && result.output.hasPrefix("pulled m from \(place)"), "\(result.errors)")
        #expect(try user.cake("ls", "-q").output == "m\n")
    }
}

@Suite struct `A diff that answers by its status` {
    @Test func `does not say that models differ when its output cannot be written`() throws {
        let home = try Home()
        try home.makeModel("one")
        try home.makeModel("two", tensors: 9)
        let result = try home.shell("cd && $CAKE diff ./one ./two --exit-code > /dev/full")
        #expect(result.status == 14, "\(result.errors)")
        let closed = try home.shell("cd && $CAKE diff ./one ./nowhere --exit-code")
        #expect(closed.status == 10, "\(closed.errors)")
    }
}
