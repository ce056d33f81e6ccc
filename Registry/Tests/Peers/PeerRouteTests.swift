import Foundation
import Hub
import Mirror
import Model
import Network
import Platform
import Server
import Store
import Support
import Testing
import Transfer

/// Each route for peers, for each kind of caller, about a model in each state.
@Suite struct `What a server gives to a peer` {
    enum State: String, CaseIterable {
        /// No client asked for it yet.
        case onTheHub
        case here
        /// Downloaded for a client that the Hub admits.
        case closedAndHere
        /// This server has no token of its own for it.
        case closed
        case madeHere
        case notAllowed
        /// Of the commit there is no such file.
        case otherPath
    }

    enum Asker: CaseIterable {
        case peer, otherRing, client, nobody

        var headers: [(String, String)] {
            switch self {
            case .peer: Ring.bearer()
            case .otherRing: Ring.bearer(Ring.secret.dropLast() + "?")
            case .client: Ring.bearer(Ring.reader)
            case .nobody: []
            }
        }
    }

    private struct Exhibit {
        let ring: Ring
        let stage: Stage
        let model: Ring.Model
        let path: String
    }

    private static func exhibit(_ state: State) async throws -> Exhibit {
        let ring = try Ring()
        let stage = try ring.serve {
            if state == .notAllowed { $0.mirror?.names.denied = [StarPattern("org/*")] }
        }
        await ring.meet([stage])
        let isClosed = [.closed, .closedAndHere].contains(state)
        let model = try await ring.model(before: [], size: 400_000, as: isClosed ? "org/closed" : "org/model")
        if isClosed { try ring.line.folder.set(model.id, gated: "auto") }
        var path = model.peerAddress
        switch state {
        case .here, .closedAndHere:
            let headers = isClosed ? Ring.bearer(Ring.reader) : []
            #expect(try stage.ask("GET", model.address, headers).body == model.bytes)
            await stage.server.settle()
        case .madeHere:
            let files = try ModelMaker.write([model.path: model.bytes], to: stage.scratch["made"])
            try await Shelf(at: stage.scratch["store"]).bring(files, as: model.id)
        case .otherPath: path += "x"
        case .onTheHub, .closed, .notAllowed: break
        }
        ring.line.hub.forgetRequests()
        return Exhibit(ring: ring, stage: stage, model: model, path: path)
    }

    @Test(arguments: State.allCases) func `is the Hub's, and only for the secret`(state: State) async throws {
        try await MirrorStage.asClient {
            let exhibit = try await Self.exhibit(state)
            let (stage, model, path) = (exhibit.stage, exhibit.model, exhibit.path)
            let isGiven = [.onTheHub, .here, .closedAndHere].contains(state)
            // Those who may have it are last: then it is here.
            for asker in Asker.allCases.reversed() {
                let mayAsk = asker == .peer
                let refused = mayAsk ? 404 : 401
                let hello = try stage.ask("GET", PeerRoute.prefix, asker.headers)
                #expect(hello.status == (mayAsk ? 200 : 401) && (hello.json?["server"] != nil) == mayAsk)
                let waits = try stage.ask("GET", path + "?waits=5", asker.headers)
                #expect(
                    waits.status == (mayAsk ? 200 : 401)
                        && (waits.json?["waits"] == .bool(false)) == mayAsk)
                let head = try stage.ask("HEAD", path, asker.headers)
                #expect(head.status == (mayAsk && isGiven ? 200 : refused), "\(state) \(asker)")
                #expect(exhibit.ring.sent(model) == 0, "a HEAD moved bytes")
                let part = try stage.ask("GET", path, asker.headers + [("Range", "bytes=5-14")])
                #expect(part.status == (mayAsk && isGiven ? 206 : refused), "\(state) \(asker)")
                #expect((part.body == Array(model.bytes[5..<15])) == (mayAsk && isGiven))
                let all = try stage.ask("GET", path, asker.headers)
                #expect(all.status == (mayAsk && isGiven ? 200 : refused), "\(state) \(asker)")
                #expect((all.body == model.bytes) == (mayAsk && isGiven))
                #expect([401, 405].contains(try stage.ask("PUT", path, asker.headers, []).status))
            }
            let wanted = UInt64(state == .onTheHub ? model.bytes.count : 0)
            #expect(exhibit.ring.sent(model) == wanted)
            #expect(exhibit.ring.line.hub.requests.allSatisfy { $0.authorization == nil }, "a token went along")
        }
    }

    @Test func `is nothing without a ring`() async throws {
        try await MirrorStage.asClient {
            let line = try MirrorStage()
            let stage = try line.serve()
            #expect(try stage.ask("GET", PeerRoute.prefix, Ring.bearer()).status == 404)
            #expect(try stage.ask("GET", "\(PeerRoute.prefix)/org/model/resolve/main/config.json").status == 404)
        }
    }

    @Test(arguments: [
        "org/m/resolve/main/a", "org/m/raw/\(String(repeating: "a", count: 40))/a", "api/models/org/m", "x",
    ])
    func `is a file at a commit`(address: String) async throws {
        try await MirrorStage.asClient {
            let stage = try Ring().serve()
            #expect(try stage.ask("GET", "\(PeerRoute.prefix)/\(address)", Ring.bearer()).status == 404)
        }
    }

    @Test func `counts against no client's limit`() async throws {
        try await MirrorStage.asClient {
            let stage = try Ring().serve { $0.requestsPerSecond = 1 }
            for _ in 0..<5 { #expect(try stage.ask("GET", PeerRoute.prefix, Ring.bearer()).status == 200) }
        }
    }
}

@Suite struct `The order of a ring` {
    @Test func `is a server's own, and stays when another one leaves`() {
        let members = (0..<7).map { "10.0.0.\($0):5111" }
        var firsts = [Int](repeating: 0, count: members.count)
        for number in 0..<2000 {
            let key = "org/model \(number)"
            let order = PeerRing.order(members, for: key)
            #expect(order.sorted() == Array(members.indices))
            firsts[order[0]] += 1
            let fewer = PeerRing.order(Array(members.dropLast()), for: key)
            #expect(fewer == order.filter { $0 != members.count - 1 })
            let turned = PeerRing.order(members.reversed(), for: key).map { members.count - 1 - $0 }
            #expect(turned == order)
        }
        #expect(firsts.allSatisfy { $0 > 200 && $0 < 380 }, "\(firsts)")
    }

    @Test func `is the same for all small files of a commit, and each large one has its own`() throws {
        let (repository, commit) = (try HubRepository("org/m"), String(repeating: "a", count: 40))
        func key(_ path: String, _ size: UInt64) throws -> String {
            PeerRing.key(try FilePath(path), size: size, of: repository, at: commit)
        }
        #expect(try key("a", 1) == key("b", 200_000))
        #expect(try key("a", 1 << 20) != key("b", 1 << 20))
    }

    @Test func `is of servers that answer to one secret alone`() throws {
        let secret = try PeerSecret(Ring.secret)
        #expect(secret.isSame(as: Ring.secret) && !secret.isSame(as: ""))
        #expect(!secret.isSame(as: Ring.secret + "x") && !secret.isSame(as: String(Ring.secret.dropLast())))
        let plain = String(repeating: "s", count: PeerSecret.shortest)
        #expect(try PeerSecret(plain + "\n").isSame(as: plain))
        #expect(throws: CakeError.self) { try PeerSecret(String(plain.dropLast())) }
        #expect(throws: CakeError.self) { try PeerSecret("two words make a header line of two") }
    }
}
