import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

/// Leftovers of killed commands: they are shown, counted as space that can be freed, and resumed.
@Suite(.serialized) struct `What a killed command leaves` {
    private let home: Home

    init() throws { home = try Home() }

    /// Bytes that the files under a folder take on the disk.
    private func allocated(_ folder: URL) throws -> UInt64 {
        let result = try Tool.run("du", ["-s", "--block-size=1", folder.path])
        return UInt64(result.output.prefix { $0.isNumber }) ?? 0
    }

    @Test func `of an import is in df, in a dry run of gc, and freed by gc`() throws {
        try home.makeModel("large", tensors: 24, of: 1 << 20)
        try home.makeModel("small", seed: 2)
        let calls = try home.calls("import", home.path("large").path)
        for words in [["rm", "large"], ["gc", "--grace", "0s"], ["import", home.path("small").path]] {
            #expect(try home.cake(words).status == 0)
        }
        // It is stopped where it has written something and published nothing, however fast it is.
        let victim = try home.start(
            "import", home.path("large").path, variables: ["CAKE_TEST_SIGNAL": "\(SIGKILL)@\(calls / 2)"])
        #expect(try victim.end() == .signal(SIGKILL))
        #expect(try home.bytesIncoming() >= 1 << 20)
        let used = try #require(home.cakeDocument("df")?["bytes_unfinished"]?.unsigned)
        #expect(used >= 1 << 20)
        #expect(try home.cake("df").output.contains("unfinished"))
        let would = try #require(home.cakeDocument("gc", "--dry-run"))
        #expect(would["interrupted"]?.unsigned == 1 && (would["bytes"]?.unsigned ?? 0) >= 1 << 20)
        let before = try allocated(home.store)
        let did = try #require(home.cakeDocument("gc"))
        #expect(did["bytes"]?.unsigned == would["bytes"]?.unsigned && did["interrupted"]?.unsigned == 1)
        let freed = try #require(did["bytes"]?.unsigned)
        // Folders and the index are not counted.
        let after = try allocated(home.store)
        #expect(before - after >= freed && before - after < freed + (256 << 10))
        #expect(home.cakeDocument("df")?["bytes_unfinished"]?.unsigned == 0)
        #expect(home.cakeDocument("gc")?["bytes"]?.unsigned == 0)
    }

    @Test func `of a pull is in df, in a dry run of gc, and not in what the next pull would fetch`() throws {
        let folder = try HubFolder()
        let weights = try ModelMaker.safetensors([.init("a", bytes: 8 << 20, seed: 1, .mixed)])
        try folder.write("org/model", ["model.safetensors": weights])
        let hub = try Hub(serving: folder.path)
        defer { hub.stop() }
        hub.readAll()
        let variables = ["HOME": home.folder.path, "HF_ENDPOINT": hub.endpoint]
        func cake(_ words: String...) throws -> JSONValue {
            let result = try Tool.run(Tool.cake, words + ["--json"], variables: variables)
            #expect(result.status == 0, "\(words): \(result.errors)")
            return try JSONValue(parsing: Array(result.output.utf8).span)
        }
        #expect(try cake("pull", "org/model", "--dry-run")["bytes_to_fetch"]?.unsigned == UInt64(weights.count))
        hub.misbehave(.stall(afterBytes: 3 << 20), when: .cdn())
        let victim = try Child(
            Tool.cake, ["pull", "org/model", "--max-workers", "1"], variables: variables,
            errors: .file(home.path("said")))
        // On this thread: tests that wait for programs may hold all that tasks have.
        try victim.waits(until: "the hub stalls") { hub.requests.contains { $0.isStalled } }
        while try home.bytesIncoming() < 2 << 20, !victim.ends(within: 0) { usleep(1000) }
        victim.kill()
        hub.behave()
        let here = UInt64(try home.bytesIncoming())
        let unfinished = try #require(try cake("df")["bytes_unfinished"]?.unsigned)
        #expect(unfinished >= 2 << 20)
        let would = try cake("gc", "--dry-run")
        #expect(would["kept_downloads"]?.unsigned == 1 && (would["kept_download_bytes"]?.unsigned ?? 0) >= 2 << 20)
        #expect((would["bytes"]?.unsigned ?? .max) < 1 << 20)
        let left = try #require(try cake("pull", "org/model", "--dry-run")["bytes_to_fetch"]?.unsigned)
        #expect(left <= UInt64(weights.count) - (2 << 20) && left + here >= UInt64(weights.count))
        #expect(try cake("pull", "org/model")["bytes_fetched"]?.unsigned == left)
        #expect(try cake("gc", "--grace", "0s")["half_fetched"]?.unsigned == 0)
    }

    @Test func `is not fetched when the Hub's own cache has it, says a dry run`() throws {
        let hub = try HubHome()
        #expect(try hub.cake("pull", "org/base").status == 0)
        let cache = hub.folder.path + "/hf"
        #expect(try hub.cake("export", "org/base", "--format", "hf-cache", "-o", cache).status == 0)
        #expect(try hub.cake("rm", "org/base").status == 0)
        #expect(try hub.cake("gc").status == 0)
        for (variables, isFetched) in [(["HF_HUB_CACHE": cache], false), ([:], true)] {
            let result = try hub.cake("pull", "org/base", "--dry-run", variables: variables)
            #expect(result.output.contains("would download nothing") != isFetched, "\(result.output)")
        }
    }
}

@Suite struct `A small file that was being replaced in the store` {
    @Test func `leaves a folder that a collection counts and removes`() throws {
        let home = try Home()
        try home.makeModel("one")
        try home.cake("import", home.path("one").path)
        for (name, age) in [("old", 7200.0), ("young", 60)] {
            let folder = home.store.appending(path: ".cake-\(name)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
            try Data([1]).write(to: folder.appending(path: "new"))
            try FileManager.default.setAttributes(
                [.modificationDate: Date(timeIntervalSinceNow: -age)], ofItemAtPath: folder.path)
        }
        #expect(home.cakeDocument("gc", "--dry-run")?["interrupted"] == 1)
        #expect(home.cakeDocument("gc")?["interrupted"] == 1)
        let left = try FileManager.default.contentsOfDirectory(atPath: home.store.path).filter {
            $0.hasPrefix(".cake-")
        }
        #expect(left == [".cake-young"])
    }
}

@Suite struct `Room` {
    @Test func `that an export shares is not freed, and not counted as freed`() throws {
        let home = try Home()
        try home.makeModel("one", tensors: 4, of: 1 << 20)
        #expect(try home.cake("import", home.path("one").path).status == 0)
        // Every object has another name: removing the one in the store gives nothing back.
        for (number, object) in try home.objects().enumerated() {
            try FileManager.default.linkItem(at: object, to: home.path("link-\(number)"))
        }
        #expect(try home.cake("rm", "one").status == 0)
        let would = try #require(home.cakeDocument("gc", "--dry-run")?["bytes"]?.unsigned)
        let said = try home.cake("gc").output
        #expect(would < 64 << 10, "\(would)")
        #expect(said.contains("freed \(Quantities.bytes(would))"), "\(said)")
    }

    /// The sizes of df, by the first column, in units that are exact enough to add up.
    private func rows(_ home: Home) throws -> [String: String] {
        var rows: [String: String] = [:]
        for line in try home.cake("df").output.split(separator: "\n") {
            let cells = line.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
            let words = line.split(separator: "  ", omittingEmptySubsequences: true).map {
                $0.trimmingCharacters(in: .whitespaces)
            }
            if cells.count > 1, words.count > 1 { rows[words[0]] = words[1] }
        }
        return rows
    }

    @Test func `adds up when a removed model is kept as a base, and nothing is said of nothing`() throws {
        let home = try Home()
        let base = try home.makeModel("base", tensors: 4, of: 1 << 20)
        let tune = home.path("tune")
        try FileManager.default.copyItem(at: base, to: tune)
        let file = tune.appending(path: "model.safetensors")
        var bytes = Array(try Data(contentsOf: file))
        for place in stride(from: 4096, to: bytes.count, by: 514) { bytes[place] ^= 1 }
        try Data(bytes).write(to: file)
        for name in ["base", "tune"] { #expect(try home.cake("import", home.path(name).path).status == 0) }
        #expect(try home.cake("rm", "base").status == 0)
        #expect(try home.cake("gc").status == 0)
        let df = try #require(home.cakeDocument("df"))
        func count(_ key: String) -> Int64 { Int64(df[key]?.unsigned ?? 0) }
        #expect(count("bytes_bases") > 1 << 20, "the base is at rest, and no model's")
        // Compression is what is left over; a store of nearly random numbers still compresses.
        let compressed =
            count("bytes_distinct") + count("bytes_bases") - count("bytes_at_rest") - count("bytes_spared_by_deltas")
        #expect(compressed > 0)
        let rows = try rows(home)
        #expect(rows["bases"] == "+" + Quantities.bytes(UInt64(count("bytes_bases"))))
        #expect(rows["compressed"] == "-" + Quantities.bytes(UInt64(compressed)))
        #expect(rows["shared"] == nil, "one model shares nothing")
        #expect(!(try home.cake("df")).output.contains("-0 B"))
    }
}

@Suite struct `Files that are asked for` {
    enum Choice: CaseIterable {
        case file, files, include, exclude, oneFormat

        var words: [String] {
            switch self {
            case .file: ["download", "org/tune", "config.json"]
            case .files: ["download", "org/tune", "config.json", "README.md"]
            case .include: ["pull", "org/tune", "--include", "*.json"]
            case .exclude: ["download", "org/tune", "--exclude", "*.safetensors", "--exclude", "*.bin"]
            case .oneFormat: ["pull", "org/tune"]
            }
        }

        var files: Set<String> {
            switch self {
            case .file, .include: ["config.json"]
            case .files, .exclude: ["config.json", "README.md"]
            case .oneFormat:
                [
                    "config.json", "README.md", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors",
                ]
            }
        }
    }

    @Test(arguments: Choice.allCases) func `are all that is written beside, whatever the store has`(choice: Choice)
        throws
    {
        let hub = try HubHome()
        #expect(try hub.cake("pull", "org/tune", "--all").status == 0)
        let result = try hub.cake(choice.words + ["--local-dir", "out"])
        #expect(result.status == 0, "\(result.errors)")
        let out = hub.folder.path + "/out"
        let names = Set(try FileManager.default.contentsOfDirectory(atPath: out))
        #expect(names == choice.files, "\(choice)")
        var size: UInt64 = 0
        for name in names {
            size += UInt64(try Data(contentsOf: URL(filePath: out + "/" + name)).count)
        }
        let count = names.count == 1 ? "1 file" : "\(names.count) files"
        // A download's result is the path; what it did is told beside.
        let isDownload = choice.words[0] == "download"
        let said = isDownload ? result.errors : result.output
        #expect(said.contains("\(Quantities.bytes(size)) in \(count)"), "\(said)")
        let place = choice == .file ? "\(out)/config.json" : out
        #expect(isDownload ? result.output == "\(place)\n" : said.contains("exported to out: \(count)"))
        let json = try hub.cake(choice.words + ["--json"])
        let document = try ModelFolder.document(json)
        #expect(document["bytes"]?.unsigned == size && document["files"]?.unsigned == UInt64(names.count))
        let dry = try ModelFolder.document(try hub.cake(choice.words + ["--dry-run", "--json"]))
        #expect(dry["bytes"]?.unsigned == size && dry["bytes_to_fetch"]?.unsigned == 0)
    }
}
