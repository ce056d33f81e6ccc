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
import Synchronization
import Testing
import Transfer

/// Three mirrors that download for each other.
@Suite struct `A ring of mirrors` {
    /// Asks at once, and waits later.
    static func get(_ model: Ring.Model, from stage: Stage) -> Task<[UInt8], any Error> {
        let (port, address) = (stage.server.address.port, model.address)
        return Task(executorPreference: MirrorStage.clients) { try Client(port: port).ask("GET", address).body }
    }

    @Test func `takes each file from the Hub once, whichever server is asked`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            var files: ModelMaker.Files = [:]
            for number in 0..<9 { files["large-\(number).bin"] = seededBytes(400_000, seed: UInt64(number)) }
            for number in 0..<5 { files["small-\(number).json"] = Array("\(number)".utf8) }
            try ring.line.folder.write("org/many", files)
            let stages = try (0..<3).map { _ in try ring.serve() }
            await ring.meet(stages)
            let wanted = files
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for stage in stages {
                    let port = stage.server.address.port
                    for (path, bytes) in wanted {
                        group.addTask(executorPreference: MirrorStage.clients) {
                            try Client(port: port).ask("GET", "/org/many/resolve/main/\(path)").body == bytes
                        }
                    }
                }
                for try await isSame in group { #expect(isSame) }
            }
            for path in files.keys {
                let large = ring.line.hub.sent(.cdn(endingIn: path))
                #expect(path.hasPrefix("small") || large == 400_000, "\(path): \(large)")
                let small = ring.line.hub.count(.path(endingIn: path).method("GET").at(.hub))
                #expect(path.hasPrefix("large") || small == 1, "\(path): \(small)")
            }
            for stage in stages { await stage.server.settle() }
            let near = try stages.reduce(0) { try $0 + $1.metric("mirror_peer_bytes_total") }
            let far = try stages.reduce(0) { try $0 + $1.metric("mirror_fetched_bytes_total") }
            let all = UInt64(files.values.reduce(0) { $0 + $1.count })
            #expect(near >= 2 * all && near < 2 * all + 10_000, "\(near) of \(all)")
            #expect(far >= all && far < all + 10_000, "\(far) of \(all)")
            #expect(try stages.allSatisfy { try $0.metric("mirror_peers_passed_over_total") == 0 })
            #expect(try stages.allSatisfy { try $0.metric("mirror_peers") == 2 })
            // What is here is served without a question to a peer.
            let asked = stages.map { $0.askedByPeers.count }
            for (path, bytes) in files {
                #expect(try stages[0].ask("GET", "/org/many/resolve/main/\(path)").body == bytes)
            }
            #expect(stages.map { $0.askedByPeers.count } == asked)
        }
    }

    @Test func `sends a file on while it comes`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            let stages = try (0..<2).map { _ in try ring.serve() }
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority])
            ring.line.hub.misbehave(.stall(afterBytes: 2 << 20), when: .cdn(endingIn: model.path))
            let client = try stages[1].client()
            try client.send("GET \(model.address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let begun = try client.readBody(upTo: 1 << 20)
            #expect(begun == Array(model.bytes.prefix(begun.count)))
            ring.line.hub.release()
            #expect(try client.readBody(upTo: 2 << 20) == Array(model.bytes.suffix(2 << 20)))
            #expect(ring.sent(model) == UInt64(model.bytes.count))
        }
    }

    @Test func `ends every download with the right bytes when a server ends in the middle`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            var stages = try (0..<3).map { _ in try ring.serve() }
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority, stages[1].authority])
            ring.line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn(endingIn: model.path).times(1))
            let client = try stages[2].client()
            try client.send("GET \(model.address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            let begun = try client.readBody(upTo: 500_000)
            await stages[0].server.drain(within: .zero)
            stages.removeFirst()
            #expect(try begun + client.readBody(upTo: model.bytes.count - begun.count) == model.bytes)
            ring.line.hub.release()
            // The next in the order downloads it for both.
            #expect(try await Self.get(model, from: stages[0]).value == model.bytes)
            #expect(ring.sent(model) < UInt64(2 * model.bytes.count))
            #expect(try stages[1].metric("mirror_peers_passed_over_total") == 1)
            #expect(ring.said.withLock { $0.contains { $0.contains("is passed over") } })
        }
    }

    @Test func `passes over a server that sends nothing`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring(patience: .milliseconds(200))
            let stage = try ring.serve()
            let known = Known()
            let strange = try StrangePeer(.stalls(after: 100_000)) { known.model }
            await ring.meet([stage], beside: [strange.authority])
            let model = try await ring.model(before: [strange.authority])
            known.model = model
            #expect(try stage.ask("GET", model.address).body == model.bytes)
            #expect(try stage.metric("mirror_peer_bytes_total") >= 100_000)
            #expect(ring.sent(model) < UInt64(model.bytes.count), "bytes that had come were asked for again")
            #expect(ring.said.withLock { $0 } == ["peer \(strange.authority) is passed over: it sends nothing"])
        }
    }

    @Test func `waits for a server that waits for the Hub itself`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring(patience: .milliseconds(400))
            let stages = try (0..<2).map { _ in try ring.serve() }
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority])
            ring.line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn(endingIn: model.path))
            let client = try stages[1].client()
            try client.send("GET \(model.address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = try client.readBody(upTo: 500_000)
            // Its patience has ended several times.
            try waits(until: "the peer was asked whether it waits") {
                stages[0].askedByPeers.count { $0.request.address.contains("?waits=") } > 3
            }
            ring.line.hub.release()
            #expect(try client.readBody(upTo: model.bytes.count - 500_000).count == model.bytes.count - 500_000)
            #expect(ring.sent(model) == UInt64(model.bytes.count))
            #expect(try stages[1].metric("mirror_peers_passed_over_total") == 0)
        }
    }

    @Test func `waits for a server that the Hub has not told of the files yet`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring(patience: .milliseconds(400))
            let stages = try (0..<2).map { _ in try ring.serve() }
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority])
            #expect(try stages[1].ask("HEAD", model.address).status == 200)
            ring.line.hub.misbehave(.stall(afterBytes: 0), when: .path(with: "/api/models"))
            let client = try stages[1].client()
            try client.send("GET \(model.address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            try waits(until: "the peer was asked whether it waits") {
                stages[0].askedByPeers.count { $0.request.address.contains("?waits=") } > 3
            }
            ring.line.hub.release()
            ring.line.hub.behave()
            #expect(try client.readBody(upTo: model.bytes.count) == model.bytes)
            #expect(ring.sent(model) == UInt64(model.bytes.count))
            #expect(try stages[1].metric("mirror_peers_passed_over_total") == 0)
        }
    }

    @Test func `waits for a server whose line is full`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring(patience: .milliseconds(400))
            let stage = try ring.serve()
            let known = Known()
            let strange = try StrangePeer(.isCrowded(after: 100_000)) { known.model }
            await ring.meet([stage], beside: [strange.authority])
            let model = try await ring.model(before: [strange.authority])
            known.model = model
            let got = Self.get(model, from: stage)
            // Its patience has ended several times.
            try waits(until: "the peer was asked why nothing comes") { strange.questions > 3 }
            strange.release()
            #expect(try await got.value == model.bytes)
            #expect(ring.sent(model) == 0)
            #expect(try stage.metric("mirror_peers_passed_over_total") == 0)
            #expect(ring.said.withLock { $0 } == [])
        }
    }

    @Test func `knows whether it is sending`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            let stages = try (0..<2).map { _ in try ring.serve() }
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority])
            func sends(_ stage: Stage) throws -> JSONValue? {
                try stage.ask("GET", model.peerAddress + "?waits=0", Ring.bearer()).json?["sends"]
            }
            #expect(try stages.map(sends) == [false, false])
            #expect(try stages[1].ask("GET", model.address).body == model.bytes)
            #expect(try stages.map(sends) == [true, true])
        }
    }

    @Test func `keeps nothing of wrong bytes of a peer`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            let stage = try ring.serve()
            let known = Known()
            let strange = try StrangePeer(.lies) { known.model }
            await ring.meet([stage], beside: [strange.authority])
            let model = try await ring.model(before: [strange.authority])
            known.model = model
            // A client that reads meanwhile is cut off before the end.
            #expect(throws: CakeError.self) { try stage.ask("GET", model.address) }
            await stage.server.settle()
            #expect(try stage.ask("GET", model.address).body == model.bytes)
            #expect(ring.sent(model) == UInt64(model.bytes.count))
            #expect(try stage.metric("mirror_wrong_total") == 1)
        }
    }
}

/// What becomes known after a server has begun.
final class Known: @unchecked Sendable {
    private let lock = NSLock()
    private var kept: (model: Ring.Model?, authority: String?)

    var model: Ring.Model? {
        get { lock.withLock { kept.model } }
        set { lock.withLock { kept.model = newValue } }
    }

    var authority: String? {
        get { lock.withLock { kept.authority } }
        set { lock.withLock { kept.authority = newValue } }
    }
}
