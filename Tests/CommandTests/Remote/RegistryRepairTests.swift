import Foundation
import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import cake

@Suite struct `Mending a store from a registry` {
    /// A model that was pulled from a running registry, and damage to it.
    private struct Pulled {
        let home: Home
        private let server: Home
        let place: String
        let served: Served

        init() throws {
            let maker = try Home()
            try maker.cake("import", maker.makeModel("model", tensors: 3, of: 2 << 20).path, "m")
            home = try Home()
            server = try Home()
            served = try Served(server, "--push")
            place = "127.0.0.1:\(served.port)/team/m:v1"
            #expect(try maker.cake("push", "m", place).status == 0)
            #expect(try home.cake("pull", place).status == 0)
        }

        /// Objects that are layers by themselves.
        var objects: [URL] {
            get throws {
                try FileManager.default.subpathsOfDirectory(atPath: home.store.path).filter {
                    $0.hasPrefix("objects/") && $0.utf8.count > 60
                }.map { home.store.appending(path: $0) }
            }
        }
    }

    @Test func `brings back what is damaged or gone, and nothing else`() throws {
        let pulled = try Pulled()
        let objects = try pulled.objects
        try #require(objects.count == 3)
        try FileManager.default.removeItem(at: objects[0])
        var bytes = try Data(contentsOf: objects[1])
        bytes[bytes.count / 2] ^= 1
        try FileManager.default.removeItem(at: objects[1])
        try bytes.write(to: objects[1])
        let found = try pulled.home.cake("verify")
        #expect(found.status == 11)
        let mended = try pulled.home.cake("verify", "--repair")
        #expect(mended.status == 0, "\(mended.output)\(mended.errors)")
        #expect(
            mended.output.split(separator: "\n").count { $0.contains("; mended from where \(pulled.place) came from") }
                == 2)
        #expect(try pulled.home.cake("verify").status == 0)
        try pulled.served.end()
    }

    @Test func `asks the Hub for what a registry has lost`() throws {
        let hub = try HubHome()
        let large = ModelMaker.Part("w", bytes: 3 << 20, seed: 1)
        try hub.shelf.write("org/large", "model.safetensors", try ModelMaker.safetensors([large]))
        #expect(try hub.cake("pull", "org/large").status == 0)
        let registry = try Home()
        let served = try Served(registry, "--push")
        let place = "127.0.0.1:\(served.port)/team/m:v1"
        #expect(try hub.cake("push", "org/large", place).status == 0)
        #expect(try hub.cake("pull", place).status == 0)
        let store = try hub.store()
        let layer = try #require(
            store.manifest(store.find("org/large").record.manifest).layers.max { $0.size < $1.size })
        try Bend.remove("\(hub.folder.store)/objects/\(layer.digest.hex.prefix(2))/\(layer.digest.hex)")
        let packs = try FileManager.default.subpathsOfDirectory(atPath: registry.store.path).filter {
            $0.contains("blobs/") && $0.utf8.count > 70
        }
        #expect(!packs.isEmpty)
        // All but the texts, which are small: what is left says that the layer is there.
        for pack in packs {
            let path = registry.store.path + "/" + pack
            if try #require(try Disk.status(path)).size > 1 << 20 { try Bend.remove(path) }
        }
        let mended = try hub.cake("verify", "--repair")
        #expect(mended.status == 0, "\(mended.output)\(mended.errors)")
        #expect(mended.output.contains("mended from where org/large came from"))
        #expect(try hub.cake("verify").status == 0)
        try served.end()
    }

    @Test func `says why it could not`() throws {
        let pulled = try Pulled()
        try FileManager.default.removeItem(at: #require(try pulled.objects.first))
        try pulled.served.end()
        let result = try pulled.home.cake("verify", "--repair")
        #expect(result.status == 11 && result.output.contains("not mended: "), "\(result.output)\(result.errors)")
        #expect(!result.output.contains("no model that has it"))
        let offline = try pulled.home.cake("verify", "--repair", variables: ["HF_HUB_OFFLINE": "1"])
        #expect(offline.status == 11 && offline.output.contains("HF_HUB_OFFLINE is set"))
    }
}
