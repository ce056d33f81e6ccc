import Foundation
import Model
import Platform
import Support
import Testing

@testable import cake

/// A copy of a store that an older cake wrote: Tests/OldStores lists its content.
private final class OldStore {
    static let versions = ["0.1", "0.1-index", "0.1-shapes"]
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../OldStores").standardizedFileURL

    let home: Home
    private let lines: [[String]]

    init(_ version: String) throws {
        home = try Home()
        try FileManager.default.createDirectory(at: home.store, withIntermediateDirectories: true)
        let archive = Self.folder.appending(path: version + ".tar.zst").path
        let unpacked = try Tool.run("tar", ["--zstd", "-xf", archive, "-C", home.store.path])
        try #require(unpacked.status == 0, "\(unpacked.errors)")
        let text = try String(contentsOf: Self.folder.appending(path: version + ".txt"), encoding: .utf8)
        lines = text.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
    }

    /// The digests of the files of each model, by the model's name.
    func sums(_ kind: String) -> [String: [String: String]] {
        var sums: [String: [String: String]] = [:]
        for line in lines where line[0] == kind { sums[line[1], default: [:]][line[2]] = line[3] }
        return sums
    }

    /// Repository and digest.
    var manifests: [(repository: String, digest: String)] {
        lines.filter { $0[0] == "manifest" }.map { ($0[1], $0[2]) }
    }

    func secret(_ name: String) throws -> String {
        try #require(lines.first { $0[0] == "token" && $0[1] == name })[2]
    }

    /// Exports each model of a home and compares every file with its original.
    func check(_ models: [String: [String: String]], in home: Home) throws {
        for (name, files) in models {
            let place = home.path("out-" + UUID().uuidString)
            let tool = try home.cake("export", name, "-o", place.path)
            #expect(tool.status == 0, "\(name): \(tool.errors)")
            var found: [String: String] = [:]
            for (path, bytes) in try ModelMaker.read(place.path) { found[path] = hex(bytes) }
            #expect(found == files, "\(name)")
            try FileManager.default.removeItem(at: place)
        }
    }

    /// Compares folders that are called by the models' names.
    func check(_ models: [String: [String: String]], at place: URL) throws {
        for (name, files) in models {
            var found: [String: String] = [:]
            for path in files.keys {
                let file = place.appending(path: name).appending(path: path)
                found[path] = (try? Data(contentsOf: file)).map { hex(Array($0)) }
            }
            #expect(found == files, "\(name)")
        }
    }

    private func hex(_ bytes: [UInt8]) -> String { SHA256.digest(of: bytes.span).hex }
}

@Suite struct `A store of an older cake` {
    @Test(arguments: OldStore.versions) func `gives every file back, before and after a collection`(version: String)
        throws
    {
        let old = try OldStore(version)
        let stored = old.sums("stored")
        for words in [["ls"], ["df"], ["verify"], ["gc", "--dry-run"]] {
            let tool = try Tool.run(Tool.cake, words, variables: ["HOME": old.home.folder.path])
            #expect(tool.status == 0, "\(words): \(tool.errors)\(tool.output)")
        }
        try old.check(stored, in: old.home)
        let collected = try old.home.cake("gc")
        #expect(collected.status == 0, "\(collected.errors)")
        #expect(try old.home.cake("verify").status == 0)
        try old.check(stored, in: old.home)
        #expect(try Set(old.home.cake("ls", "-q").output.split(separator: "\n").map(String.init)) == Set(stored.keys))
    }

    @Test(arguments: OldStore.versions)
    func `gives every file to a program that is not cake, also when it was optimized`(
        version: String
    ) throws {
        let old = try OldStore(version)
        let script = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../scripts/read_store.py")
        for isOptimized in [false, true] {
            if isOptimized { #expect(try old.home.cake("optimize").status == 0) }
            let out = old.home.path("plain-\(isOptimized)")
            let read = try Tool.run("python3", [script.standardizedFileURL.path, old.home.store.path, out.path])
            #expect(read.status == 0, "\(read.errors)")
            try old.check(old.sums("stored"), at: out)
        }
    }

    @Test(arguments: OldStore.versions) func `is exported whole with one command, and its version stays`(
        version: String
    ) throws {
        let old = try OldStore(version)
        let out = old.home.path("all")
        let export = try old.home.cake("export", "--all", "-o", out.path)
        #expect(export.status == 0, "\(export.errors)")
        try old.check(old.sums("stored"), at: out)
        let mark = try String(contentsOf: old.home.store.appending(path: "cake.store"), encoding: .utf8)
        #expect(mark == "cake store 1\n")
    }

    @Test(arguments: OldStore.versions) func `serves every model, also behind a collection`(version: String) throws {
        let old = try OldStore(version)
        let secret = try old.secret("all")
        for isCollected in [false, true] {
            if isCollected { #expect(try old.home.cake("gc").status == 0) }
            let served = try Served(old.home, "--push")
            let host = "127.0.0.1:\(served.port)"
            let user = try Home()
            let words = ["login", host, "-u", "user", "--password-stdin"]
            let login = try Tool.run(Tool.cake, words, input: secret, variables: ["HOME": user.folder.path])
            #expect(login.status == 0, "\(login.errors)")
            var pulled: [String: [String: String]] = [:]
            for (reference, files) in old.sums("served") {
                let name = "\(host)/\(reference)"
                let pull = try user.cake("pull", name)
                #expect(pull.status == 0, "\(reference): \(pull.errors)")
                pulled[name] = files
            }
            try old.check(pulled, in: user)
            #expect(try user.cake("verify").status == 0)
            try served.end()
        }
    }

    @Test(arguments: OldStore.versions) func `takes a model on top and knows its layers`(version: String) throws {
        let old = try OldStore(version)
        let home = old.home
        let again = home.path("again")
        #expect(try home.cake("export", "fam/base", "-o", again.path).status == 0)
        let tool = try home.cake("import", again.path, "again", "--json")
        #expect(tool.status == 0, "\(tool.errors)")
        let difference = try home.cake("diff", "fam/base", "again", "--exit-code")
        #expect(difference.status == 0, "\(difference.output)")
        #expect(try home.cake("optimize").status == 0)
        #expect(try home.cake("verify").status == 0)
        try old.check(old.sums("stored"), in: home)
    }
}
