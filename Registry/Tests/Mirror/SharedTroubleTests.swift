import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// Servers that mirror into a storage which loses things, or is away.
@Suite struct `Mirrors over a storage that fails` {
    private static let config = ["config.json": Array("{}".utf8)]

    @Test(arguments: ["brought/names", "brought/manifests", "brought/blobs", "blobs"])
    func `bring again what the storage has lost or spoiled`(folder: String) async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket(Self.config)
            let one = try bucket.serve()
            let address = MirrorStage.address("config.json")
            #expect(try one.ask("GET", address).text == "{}")
            await one.server.settle()
            for name in bucket.keys(in: folder) {
                let key = "\(folder)/\(name)"
                if folder == "brought/names" {
                    _ = try await bucket.storage.put(StorageBody(Array("x".utf8)), at: key, if: .always)
                } else {
                    _ = try await bucket.storage.remove(key, ifUnchanged: nil)
                }
            }
            let other = try bucket.serve()
            #expect(try other.ask("GET", address).text == "{}")
            await other.server.settle()
            #expect(try bucket.serve { $0.mirror?.isOffline = true }.ask("GET", address).text == "{}")
        }
    }

    @Test func `give bytes while the storage is down, and publish them afterwards`() async throws {
        try await MirrorStage.asClient {
            let bytes = seededBytes(3 << 20, seed: 4)
            let line = try MirrorStage(["weights.bin": bytes], hub: { _ in }) { $0.look = .milliseconds(5) }
            let memory = MemoryStorage()
            let settings = try line.settings()
            func serve(_ change: (inout RegistryServer.Settings) -> Void = { _ in }) throws -> Stage {
                try Stage(over: memory, in: Scratch()) {
                    settings(&$0)
                    change(&$0)
                }
            }
            let stage = try serve()
            line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn())
            let client = try stage.client()
            try client.send("GET \(MirrorStage.address("weights.bin")) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = try client.readBody(upTo: 100_000)
            await memory.cut(true)
            line.hub.release()
            #expect(try client.readBody(upTo: (3 << 20) - 100_000).count == (3 << 20) - 100_000)
            await stage.server.settle()
            #expect(try stage.store.names().count == 1)
            #expect(try stage.ask("GET", MirrorStage.address("weights.bin")).body == bytes)
            await memory.cut(false)
            while try !stage.store.names().isEmpty { _ = try stage.ask("GET", "/healthz") }
            let other = try serve { $0.mirror?.isOffline = true }
            #expect(try other.ask("GET", MirrorStage.address("weights.bin")).body == bytes)
        }
    }
}
