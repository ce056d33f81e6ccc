import Foundation
import Hub
import Model
import Platform
import Remote
import Store
import Support
import Testing
import Transfer

@testable import cake

private let page = Page(width: 80, style: Style(isOn: false), tableWidth: 80)

@Suite struct `Lists of what is on the Hub` {
    @Test func `name the files, and which of them are here`() async throws {
        let home = try HubHome()
        #expect(try home.cake("pull", "org/base").status == 0)
        let reference = try HubReference(HubRepository("org/tune"))
        let snapshot = try await home.source().snapshot(of: reference)
        let files = try RemoteFiles(snapshot, in: try home.store())
        let list = RemoteFileList(reference: reference, snapshot: snapshot, here: files)
        try Golden.check(list.lines(on: page), "ls-remote")
        let document = try home.document("ls-remote", "org/tune")
        let here = document["files"]?.array?.filter { $0["in_store"]?.bool == true }.compactMap { $0["path"]?.string }
        #expect(here == ["config.json", "model-00001-of-00002.safetensors"])
        #expect(home.hub.count(.cdn(endingIn: "pytorch_model.bin")) == 0)
    }

    @Test func `name branches and tags`() throws {
        let home = try HubHome()
        try home.shelf.write("org/tune", "config.json", Array("{}".utf8), revision: "v1")
        let result = try home.cake("ls-remote", "org/tune", "--refs")
        let lines = result.output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(lines.map { $0.prefix(2).joined(separator: " ") } == ["KIND NAME", "branch main", "tag v1"])
        let old = try home.document("ls-remote", "org/tune@v1")
        #expect(old["files"]?.array?.count == 1 && old["commit"]?.string == lines.last?.last)
        let none = try home.cake("ls-remote", "org/tune@v2")
        #expect(none.status == 10 && none.errors.contains("v2"))
        #expect(try home.cake("ls-remote", "./here").status == 2)
    }

    @Test func `name what a search finds`() async throws {
        let home = try HubHome()
        try home.shelf.set("org/base", gated: "auto")
        let source = try home.source()
        let found = try await source.search("org", limit: 5)
        let results = SearchResults(
            words: ["org"], hub: source.routes, found: found, sources: ["hf://org/base"], names: [])
        try Golden.check(results.lines(on: page), "search")
        #expect(try home.cake("pull", "org/tune").status == 0)
        let document = try home.document("search", "tu", "ne")
        #expect(document.array?.compactMap { $0["name"]?.string } == ["org/tune"])
        #expect(document.array?.first?["in_store"] == true && document.array?.first?["task"] == "text-generation")
        #expect(try home.document("search", "org", "--limit", "1").array?.count == 1)
        try home.folder.write(SmallModel(layers: 1).tensors, "own/model.safetensors")
        for name in ["org/base@v1", "base"] { #expect(try home.folder.cake("import", "own", name).status == 0) }
        #expect(try home.document("search", "base").array?.first?["in_store"] == true)
        #expect(try home.cake("search", "base").output.split(separator: "\n").last?.hasSuffix("yes") == true)
        let nothing = try home.cake("search", "zebra")
        #expect(
            nothing.status == 0 && nothing.output == "" && nothing.errors.contains("has no model that matches zebra"))
        #expect(try home.cake("search", "x", "--limit", "0").status == 2)
    }
}

@Suite struct `Mending a store from the Hub` {
    /// Damages the layers of two tensors in the pack; returns their sizes.
    private func damage(_ home: HubHome) throws -> UInt64 {
        let pack = try #require(
            FileManager.default.contentsOfDirectory(atPath: home.folder.store + "/packs").first {
                $0.hasSuffix(".pack")
            })
        let path = home.folder.store + "/packs/" + pack
        let size = try #require(try Disk.status(path)).size
        try Bend.flip(path, at: Int(size) / 3)
        try Bend.flip(path, at: Int(size) * 2 / 3)
        let found = try home.document("verify")
        let damaged = found["damaged"]?.array?.count ?? 0
        #expect(damaged > 0)
        return UInt64(damaged)
    }

    @Test func `fetches the damaged layers and nothing else`() throws {
        let home = try HubHome()
        #expect(try home.cake("pull", "org/base").status == 0)
        let damaged = try damage(home)
        home.hub.forgetRequests()
        let result = try home.cake("verify", "--repair")
        #expect(result.status == 0 && result.output.contains("repaired from the source of org/base"))
        let ranges = home.hub.requests.filter { $0.range != nil }
        #expect(UInt64(ranges.count) == damaged && ranges.allSatisfy { $0.status == 206 })
        #expect(home.hub.sent(.anything.withRange()) < 2000)
        #expect(try home.cake("verify").status == 0)
        #expect(try home.folder.cake("export", "org/base", "-o", "out").status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.folder.store + "/incoming").isEmpty)
    }

    @Test func `brings back a large layer that is gone`() throws {
        let home = try HubHome()
        let large = ModelMaker.Part("w", bytes: 3 << 20, seed: 1)
        try home.shelf.write("org/large", "model.safetensors", try ModelMaker.safetensors([large]))
        #expect(try home.cake("pull", "org/large").status == 0)
        let store = try home.store()
        let manifest = try store.manifest(store.find("org/large").record.manifest)
        let layer = try #require(manifest.layers.max { $0.size < $1.size })
        try Bend.remove("\(home.folder.store)/objects/\(layer.digest.hex.prefix(2))/\(layer.digest.hex)")
        home.hub.forgetRequests()
        let document = try home.document("verify", "org/large", "--repair")
        #expect(document["damaged"]?.array?.first?["mended"] == true)
        #expect(home.hub.sent(.anything.withRange()) == layer.size)
        #expect(try home.cake("verify").status == 0)
    }

    @Test func `does not take other bytes for those that were`() throws {
        let home = try HubHome()
        #expect(try home.cake("pull", "org/base").status == 0)
        _ = try damage(home)
        // Every byte of the data that is asked for comes out wrong.
        for shard in 1...2 {
            home.hub.misbehave(
                .overwrite(atByte: 0, [UInt8](repeating: 1, count: 6000)),
                when: .cdn(endingIn: "0000\(shard)-of-00002.safetensors"))
        }
        let result = try home.cake("verify", "--repair")
        #expect(result.status == 11 && result.output.contains("has other bytes at its place"))
        #expect(try home.cake("verify").status == 11)
        home.hub.behave()
        #expect(try home.cake("verify", "--repair").status == 0)
    }

    @Test func `says what came from elsewhere, and when there is no network`() throws {
        let home = try HubHome()
        try home.folder.write(SmallModel().tensors, "mine/model.safetensors")
        #expect(try home.folder.cake("import", "mine").status == 0)
        _ = try damage(home)
        let result = try home.cake("verify", "--repair")
        #expect(result.status == 11 && result.output.contains("no model that has it came from a Hub or a registry"))
        let offline = try home.cake("verify", "--repair", variables: ["HF_HUB_OFFLINE": "1"])
        #expect(offline.status == 11 && offline.output.contains("HF_HUB_OFFLINE is set"))
    }
}
