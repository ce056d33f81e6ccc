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

/// Servers that are no part of a ring, or disagree about it, and models that not every client may have.
@Suite struct `The members of a ring` {
    @Test func `do not use a server that has another secret`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            let other = try ring.serve(secret: "another-secret-of-another-ring")
            let stage = try ring.serve()
            await ring.meet([stage, other])
            let model = try await ring.model(before: [other.authority])
            #expect(try stage.ask("GET", model.address).body == model.bytes)
            #expect(other.askedByPeers.isEmpty)
            #expect(
                ring.said.withLock { $0 }.contains(
                    "peer \(other.authority) is passed over: it does not accept this server's secret"))
        }
    }

    @Test func `do not ask in circles when they disagree about it`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring(patience: .milliseconds(300))
            let (first, second) = (Known(), Known())
            // Each knows only the other one.
            let stages = [
                try ring.serve(knowing: { second.authority.map { [$0] } ?? [] }),
                try ring.serve(knowing: { first.authority.map { [$0] } ?? [] }),
            ]
            (first.authority, second.authority) = (stages[0].authority, stages[1].authority)
            for stage in stages { await stage.server.meetPeers() }
            let model = try await ring.model(before: [])
            let one = `A ring of mirrors`.get(model, from: stages[0])
            let two = `A ring of mirrors`.get(model, from: stages[1])
            #expect(try await one.value == model.bytes)
            #expect(try await two.value == model.bytes)
            #expect(ring.sent(model) <= UInt64(2 * model.bytes.count))
        }
    }

    @Test func `ask the Hub about a closed model for their own clients, and send no client's token to a peer`()
        async throws
    {
        try await MirrorStage.asClient {
            let ring = try Ring()
            let stages = try (0..<2).map { _ in try ring.serve() }
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority], as: "org/closed")
            try ring.line.folder.set(model.id, gated: "auto")
            let reader = Ring.bearer(Ring.reader)
            // The first has no token of its own for it: the second asks the Hub itself.
            #expect(try stages[1].ask("GET", model.address, reader).body == model.bytes)
            for headers in [[], Ring.bearer("hf_stranger")] {
                for stage in stages {
                    let refused = try stage.ask("GET", model.address, headers)
                    #expect([401, 403].contains(refused.status) && refused.body != model.bytes)
                }
            }
            // Then it is here, for peers whose clients the Hub admits.
            await stages[1].server.settle()
            let again = try ring.serve()
            await ring.meet([stages[1], again])
            let sent = ring.sent(model)
            #expect(try again.ask("GET", model.address).status == 401)
            #expect(try again.ask("GET", model.address, reader).body == model.bytes)
            for stage in stages + [again] {
                for record in stage.log.all where record.request.address.hasPrefix(PeerRoute.prefix) {
                    #expect(record.request["authorization"] == "Bearer \(Ring.secret)")
                }
            }
            #expect(ring.line.hub.requests.allSatisfy { $0.authorization?.contains(Ring.secret) != true })
            let order = PeerRing.order([stages[1].authority, again.authority], for: try model.key)
            #expect(order[0] == 1 || ring.sent(model) == sent, "a peer had it")
        }
    }

    @Test func `are the servers that its name has now`() async throws {
        try await MirrorStage.asClient {
            let ring = try Ring()
            let stages = try (0..<2).map { _ in try ring.serve() }
            await ring.meet([stages[1]])
            #expect(ring.said.withLock { $0 } == ["the ring has no server but this one"])
            #expect(try stages[1].metric("mirror_peers") == 0)
            await ring.meet(stages)
            let model = try await ring.model(before: [stages[0].authority])
            #expect(try stages[1].ask("GET", model.address).body == model.bytes)
            #expect(try stages[1].metric("mirror_peer_bytes_total") >= UInt64(model.bytes.count))
        }
    }
}
