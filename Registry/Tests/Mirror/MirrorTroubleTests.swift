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

/// Answers for clients while the Hub behind the server misbehaves, or the server ends.
@Suite struct `A mirror whose upstream fails` {
    private static let file = "weights.bin"
    private static let address = MirrorStage.address(file)
    private static let size = 3 << 20

    private static func line(
        on engine: Engine = .files, _ mirror: @escaping @Sendable (inout Mirror.Settings) -> Void = { _ in }
    ) throws -> MirrorStage {
        try MirrorStage(
            [file: seededBytes(size, seed: 4), "config.json": Array("{}".utf8)], on: engine, hub: { _ in }, mirror)
    }

    @Test func `goes on where it stopped when the server ended in the middle`() async throws {
        try await MirrorStage.asClient {
            let line = try Self.line()
            line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn().times(1))
            do {
                let stage = try line.serve()
                let client = try stage.client()
                try client.send("GET \(Self.address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
                _ = try client.readBody(upTo: 500_000)
                await stage.server.drain(within: .zero)
            }
            line.hub.release()
            line.hub.forgetRequests()
            let reply = try line.serve().ask("GET", Self.address)
            #expect(reply.body == line.files[Self.file])
            #expect(line.sent < 5 << 19, "what came was fetched again")
        }
    }

    @Test(
        arguments: [
            [Misbehaviour.cut(afterBytes: 1 << 20)], [.shorter(by: 100_000)], [.answer(503)], [.hangUp], [.ignoreRange],
            [.drip(bytesPerSecond: 8 << 20)],
        ], MirrorStage.engines)
    func `is told nothing of what passes`(acts: [Misbehaviour], _ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            line.hub.misbehave(acts, when: .cdn().times(1))
            let stage = try line.serve()
            #expect(try stage.ask("GET", Self.address).body == line.files[Self.file])
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `cuts off who was given wrong bytes, and does not let it go on from there`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            line.hub.misbehave(
                .flip(atByte: 200_000), .stall(afterBytes: 1 << 20), when: .cdn().times(1))
            let stage = try line.serve()
            let client = try stage.client()
            try client.send("GET \(Self.address) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = try client.readBody(upTo: 500_000)
            await line.hub.wait { requests in requests.contains { $0.isStalled } }
            line.hub.release()
            #expect(throws: CakeError.self) { try client.readBody(upTo: Self.size - 500_000) }
            await stage.server.settle()
            let rest = try stage.ask("GET", Self.address, [("Range", "bytes=2000000-")])
            #expect(rest.status == 200 && rest.body == line.files[Self.file])
            let piece = try stage.ask("GET", Self.address, [("Range", "bytes=2000000-2000099")])
            #expect(piece.status == 206 && piece.body.count == 100)
        }
    }

    @Test func `sends a whole file while another one stalls, and makes layers of both afterwards`() async throws {
        try await MirrorStage.asClient {
            let files = ["first.bin": seededBytes(3 << 20, seed: 5), "second.bin": seededBytes(3 << 20, seed: 6)]
            let line = try MirrorStage(files)
            line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn(endingIn: "second.bin").times(1))
            let stage = try line.serve()
            let waiting = try stage.client()
            try waiting.send("GET \(MirrorStage.address("second.bin")) HTTP/1.1\r\nHost: localhost\r\n\r\n")
            _ = try waiting.readBody(upTo: 500_000)
            await line.hub.wait { requests in requests.contains { $0.isStalled } }
            #expect(try stage.ask("GET", MirrorStage.address("first.bin")).body == files["first.bin"])
            #expect(try stage.store.names().isEmpty, "layers were made while a client waited")
            line.hub.release()
            await stage.server.settle()
            let named = try #require(try stage.store.names().first)
            let manifest = try stage.store.manifest(named.record.manifest)
            #expect(Set(manifest.files.map(\.path.string)) == Set(files.keys))
            #expect(try stage.ask("GET", MirrorStage.address("second.bin")).body == files["second.bin"])
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `keeps nothing of a file that is wrong however often it comes`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            line.hub.misbehave(.flip(atByte: 1 << 20), when: .cdn().withRange())
            let stage = try line.serve()
            #expect(throws: CakeError.self) { try stage.ask("GET", Self.address) }
            await stage.server.settle()
            #expect(try stage.store.names().isEmpty)
            line.hub.behave()
            #expect(try stage.ask("GET", Self.address).body == line.files[Self.file])
        }
    }

    @Test(arguments: [(503, 503, "UpstreamUnavailable"), (500, 502, "UpstreamUnavailable"), (429, 429, "UpstreamBusy")])
    func `says what the upstream says of a model that is not here`(status: Int, told: Int, code: String) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line()
            line.hub.misbehave(.answer(status, headers: ["Retry-After": "7"]), when: .path(with: "/api/models"))
            let stage = try line.serve()
            for address in [Self.address, "/api/models/org/model"] {
                let reply = try stage.ask("GET", address)
                #expect(reply.status == told && reply["x-error-code"] == code && reply["retry-after"] == "7")
            }
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `gives what it knew when the upstream falls silent, and what it has after it began anew`(_ engine: Engine)
        async throws
    {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine) { $0.revalidation = .zero }
            do {
                let stage = try line.serve()
                #expect(try stage.ask("GET", MirrorStage.address("config.json")).status == 200)
                await stage.server.settle()
                line.hub.misbehave(.hangUp)
                #expect(try stage.ask("GET", MirrorStage.address("config.json")).body == line.files["config.json"])
                #expect(try stage.ask("HEAD", Self.address)["content-length"] == "\(Self.size)")
                #expect(try stage.ask("GET", Self.address).status == 502)
            }
            let stage = try line.serve()
            #expect(try stage.ask("GET", MirrorStage.address("config.json")).body == line.files["config.json"])
            #expect(try stage.ask("GET", Self.address).status == 502)
            #expect(try stage.ask("GET", "/other/model/resolve/main/config.json").status == 502)
        }
    }

    @Test func `does not wait for ever`() async throws {
        try await MirrorStage.asClient {
            let line = try Self.line { $0.patience = .milliseconds(200) }
            line.hub.misbehave(.stall(afterBytes: 0), when: .path(with: "/api/models"))
            let stage = try line.serve()
            let reply = try stage.ask("GET", Self.address)
            #expect(reply.status == 504 && reply["x-error-code"] == "UpstreamUnavailable")
            #expect(reply["retry-after"] == "5")
            line.hub.release()
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `asks nothing offline, and gives what is here`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            do {
                let stage = try line.serve()
                #expect(try stage.ask("GET", MirrorStage.address("config.json")).status == 200)
                await stage.server.settle()
            }
            line.hub.forgetRequests()
            let stage = try line.serve { $0.mirror?.isOffline = true }
            #expect(try stage.ask("GET", MirrorStage.address("config.json")).body == line.files["config.json"])
            #expect(try stage.ask("GET", Self.address).status == 503)
            #expect(line.hub.requests.isEmpty)
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `sees that a branch has gone on, in time, and keeps what a commit was`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            for (age, isNew) in [(Duration.zero, true), (.seconds(3600), false)] {
                let line = try Self.line(on: engine) { $0.revalidation = age }
                let stage = try line.serve()
                let config = MirrorStage.address("config.json")
                let commit = try #require(stage.ask("GET", config)["x-repo-commit"])
                await stage.server.settle()
                try line.folder.write(MirrorStage.name, "config.json", Array("{ }".utf8))
                #expect(try stage.ask("GET", config).text == (isNew ? "{ }" : "{}"))
                await stage.server.settle()
                let old = try stage.ask("GET", MirrorStage.address("config.json", revision: commit))
                // The Hub of tests has no old commits: files of one that are not here are lost.
                #expect(isNew || old.text == "{}")
            }
        }
    }
}
