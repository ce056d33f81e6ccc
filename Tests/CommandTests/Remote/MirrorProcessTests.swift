import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

/// The cake that people run, between its clients and a hub.
@Suite struct `A mirror that is killed` {
    @Test func `goes on at the byte, and gives the file whole`() throws {
        let home = try Home()
        let folder = try HubFolder()
        let weights = try ModelMaker.safetensors([.init("a", bytes: 24 << 20, seed: 1, .mixed)])
        try folder.write("org/model", ["model.safetensors": weights])
        var settings = HubSettings()
        settings.sendBuffer = 64 << 10
        let hub = try Hub(serving: folder.path, settings)
        defer { hub.stop() }
        hub.readAll()
        let step = 1 << 19
        hub.misbehave(.stall(afterBytes: UInt64(step)), when: .cdn())
        let address = "/org/model/resolve/main/model.safetensors"
        var kept = 0
        for piece in 1...3 {
            let served = try Served(home, "--upstream", hub.endpoint)
            let client = try Client(port: served.port)
            try client.send("GET \(address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            #expect(try client.readBody(upTo: piece * step).elementsEqual(weights.prefix(piece * step)))
            served.child.kill()
            try served.child.end()
            let here = try home.bytesIncoming()
            #expect(here >= kept + step)
            kept = here
        }
        hub.release()
        hub.behave()
        hub.forgetRequests()
        let served = try Served(home, "--upstream", hub.endpoint)
        #expect(try served.ask("GET", address).body == weights)
        #expect(hub.sent(.cdn()) + UInt64(kept) <= weights.count + (16 << 10), "\(kept) were here")
        try served.end()
        let verified = try home.cake("verify")
        #expect(verified.status == 0, "\(verified.errors)")
    }
}

@Suite struct `A model of which a mirror brought some files` {
    @Test func `is partial in a listing, until the rest is here`() throws {
        let home = try Home()
        let folder = try HubFolder()
        let shards = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"]
        for (number, shard) in shards.enumerated() {
            let part = ModelMaker.Part("model.layers.\(number).weight", bytes: 1 << 20, seed: UInt64(number))
            try folder.write("org/tune", [shard: try ModelMaker.safetensors([part])])
        }
        let hub = try Hub(serving: folder.path, HubSettings())
        defer { hub.stop() }
        let served = try Served(home, "--upstream", hub.endpoint)
        /// A client has the last byte before the store has the file.
        func bring(_ shard: Int) throws {
            #expect(try served.ask("GET", "/org/tune/resolve/main/" + shards[shard]).status == 200)
            try served.child.waits(until: "the file is in the store") {
                home.cakeDocument("ls")?.array?.first?["files"]?.unsigned == UInt64(shard + 1)
            }
        }
        try bring(0)
        let row = "org/tune (partial)"
        #expect(try home.cake("ls").output.contains(row))
        #expect(home.cakeDocument("ls")?.array?.first?["files_missing"] == 1)
        let exported = try home.cake("export", "org/tune", "-o", home.path("out").path)
        #expect(
            exported.status == 0 && exported.errors.contains("is not here, \(shards[1])"),
            "\(exported.errors)")
        try bring(1)
        #expect(!(try home.cake("ls").output.contains("(partial)")))
        try served.end()
    }
}
