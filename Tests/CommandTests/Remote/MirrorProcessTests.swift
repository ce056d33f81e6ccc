import Foundation
import Hub
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
