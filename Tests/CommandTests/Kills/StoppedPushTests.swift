import Foundation
import Model
import Support
import Testing

@testable import cake

/// A stopped push says what happens to the bytes that it sent.
@Suite(.serialized) struct `A push that is stopped` {
    private let maker: Home
    private let server: Home
    private let served: Served

    init() throws {
        maker = try Home()
        server = try Home()
        served = try Served(server, "--push")
        // More than fits two packs.
        try maker.makeModel("model", tensors: 10, of: 8 << 20)
        #expect(try maker.cake("import", maker.path("model").path).status == 0)
    }

    /// Blobs that arrived whole.
    private func blobs(over least: Int = 0) throws -> Int {
        let files = FileManager.default.enumerator(
            at: server.store.appending(path: "registry/blobs"), includingPropertiesForKeys: [.fileSizeKey])
        var count = 0
        while let file = files?.nextObject() as? URL {
            if let size = try? file.resourceValues(forKeys: [.fileSizeKey]).fileSize, size > least { count += 1 }
        }
        return count
    }

    @Test(arguments: [SIGINT, SIGKILL])
    func `goes on behind the last whole pack, and leaves the tag as it was`(signal: Int32) throws {
        let place = "127.0.0.1:\(served.port)/team/model:v1"
        let all = try #require(maker.cakeDocument("push", "model", place, "--dry-run"))
        let packs = try #require(all["packs_to_send"]?.unsigned)
        try #require(packs > 1)
        let victim = try maker.start("push", "model", place, "--limit-rate", "12MB")
        while try blobs(over: 1 << 20) == 0, victim.isRunning { usleep(1000) }
        victim.send(signal)
        let ending = try victim.end()
        #expect(ending != .exit(0))
        if signal == SIGINT {
            let said = try String(contentsOf: maker.path("said"), encoding: .utf8)
            #expect(said.contains("the registry keeps complete packs for a while"), "\(said)")
        }
        #expect(try maker.cake("ls-remote", "127.0.0.1:\(served.port)/team/model").output.contains("v1") == false)
        let whole = UInt64(try blobs())
        let rest = try #require(maker.cakeDocument("push", "model", place))
        let sent = try #require(rest["packs_sent"]?.unsigned)
        #expect(sent < packs && sent + whole >= packs)
        #expect(try #require(rest["bytes_sent"]?.unsigned) < #require(all["bytes_to_send"]?.unsigned))
    }
}
