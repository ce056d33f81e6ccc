import Foundation
import Hub
import Mirror
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// Access to closed models of another Hub, rules for downloads, and eviction.
@Suite struct `A mirror` {
    private static let reader = "hf_readerreaderreader"
    private static let stranger = "hf_strangerstranger"

    private static func line(
        on engine: Engine = .files, _ mirror: @escaping @Sendable (inout Mirror.Settings) -> Void = { _ in }
    ) throws -> MirrorStage {
        try MirrorStage(["config.json": Array("{}".utf8)], on: engine) { settings in
            settings.users = [
                reader: .init("reader", reads: [MirrorStage.name]), stranger: .init("stranger"),
            ]
        } _: {
            mirror(&$0)
        }
    }

    private func bearer(_ token: String) -> [(String, String)] { [("Authorization", "Bearer \(token)")] }
    private let address = MirrorStage.address("config.json")

    @Test(arguments: [true, false], MirrorStage.engines)
    func `gives what is gated or private to tokens alone that its upstream lets in`(
        isPrivate: Bool, _ engine: Engine
    ) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            try line.folder.set(MirrorStage.name, isPrivate: isPrivate, gated: isPrivate ? nil : "auto")
            let stage = try line.serve()
            func isRefused() throws {
                let nobody = try stage.ask("GET", address)
                #expect(nobody.status == 401, "\(nobody.status)")
                #expect(nobody["x-error-code"] == (isPrivate ? "RepoNotFound" : "GatedRepo"))
                for token in [Self.stranger, "hf_nobodyatallatall"] {
                    let other = try stage.ask("GET", address, bearer(token))
                    #expect([401, 403, 404].contains(other.status) && other.text != "{}", "\(other.status)")
                    #expect(try stage.ask("GET", "/api/models/org/model", bearer(token)).status >= 401)
                }
            }
            try isRefused()
            #expect(try stage.ask("GET", address, bearer(Self.reader)).text == "{}")
            await stage.server.settle()
            let asked = line.hub.count(.path(endingIn: "/auth-check"))
            #expect(try stage.ask("GET", address, bearer(Self.reader)).text == "{}")
            #expect(line.hub.count(.path(endingIn: "/auth-check")) == asked, "what is known was asked again")
            try isRefused()
            #expect(try stage.ask("GET", "/api/models").text == "[]")
            #expect(try stage.ask("GET", "/v2/_catalog").text == #"{"repositories":[]}"#)
            if engine == .files {
                #expect(try stage.store.find(MirrorStage.name).record.mark == .mirroredClosed)
            }
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `does not give it when no Hub can say which clients may have it`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            try line.folder.set(MirrorStage.name, gated: "auto")
            do {
                let stage = try line.serve()
                #expect(try stage.ask("GET", address, bearer(Self.reader)).text == "{}")
                await stage.server.settle()
            }
            line.hub.misbehave(.hangUp)
            #expect(try line.serve().ask("GET", address).status == 502)
            #expect(try line.serve { $0.mirror = nil }.ask("GET", address).status == 404)
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `notices what becomes private, also for who knows its commit, and what becomes open again`(_ engine: Engine)
        async throws
    {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine) {
                $0.revalidation = .zero
                $0.accessLife = .zero
            }
            let stage = try line.serve()
            let commit = try #require(try stage.ask("GET", address)["x-repo-commit"])
            let byCommit = MirrorStage.address("config.json", revision: commit)
            await stage.server.settle()
            #expect(try stage.ask("GET", byCommit).text == "{}")
            #expect(try stage.ask("GET", "/v2/_catalog").text == #"{"repositories":["org/model"]}"#)
            try line.folder.set(MirrorStage.name, isPrivate: true)
            #expect(try stage.ask("GET", byCommit).status == 401)
            #expect(try stage.ask("GET", address).status == 401)
            #expect(try stage.ask("GET", byCommit, bearer(Self.reader)).text == "{}")
            #expect(try stage.ask("GET", "/v2/_catalog").text == #"{"repositories":[]}"#)
            line.hub.misbehave(.hangUp)
            #expect(try line.serve { $0.mirror = nil }.ask("GET", byCommit).status == 404)
            line.hub.behave()
            try line.folder.set(MirrorStage.name)
            #expect(try line.serve().ask("GET", byCommit).text == "{}")
            // Over a storage it counts here a moment later.
            try until { try stage.ask("GET", "/v2/_catalog").text == #"{"repositories":["org/model"]}"# }
        }
    }

    @Test func `stores nothing open as the difference from what is closed`() async throws {
        func weights(changedIn places: StrideTo<Int>) throws -> ModelMaker.Files {
            var bytes = seededBytes(2 << 20, seed: 1, .mixed)
            for place in places { bytes[place] ^= 1 }
            let tensor = Tensor(name: "a", dtype: .bf16, shape: [UInt64(bytes.count / 2)])
            return [MirrorStage.weights: try ModelMaker.safetensors([ModelMaker.Part(tensor, bytes)])]
        }
        try await MirrorStage.asClient {
            let line = try MirrorStage(try weights(changedIn: stride(from: 0, to: 0, by: 1))) { settings in
                settings.users = [Self.reader: .init("reader", reads: [MirrorStage.name, "org/other"])]
            }
            for (name, start) in [("org/tune", 7), ("org/other", 9)] {
                try line.folder.write(name, try weights(changedIn: stride(from: start, to: 2 << 20, by: 4096)))
            }
            for name in [MirrorStage.name, "org/other"] { try line.folder.set(name, gated: "auto") }
            let stage = try line.serve()
            func isDelta(_ name: String, _ headers: [(String, String)] = []) async throws -> Bool {
                #expect(try stage.ask("GET", "/\(name)/resolve/main/\(MirrorStage.weights)", headers).status == 200)
                await stage.server.settle()
                let manifest = try stage.store.manifest(stage.store.find(name).record.manifest)
                return try manifest.layers.contains { try stage.store.base(of: $0) != nil }
            }
            #expect(try await !isDelta(MirrorStage.name, bearer(Self.reader)))
            #expect(try await !isDelta("org/tune"))
            #expect(try await isDelta("org/other", bearer(Self.reader)))
        }
    }

    @Test(arguments: MirrorStage.engines)
    func `asks for what is open without a token, whatever token a client has`(_ engine: Engine) async throws {
        try await MirrorStage.asClient {
            let line = try Self.line(on: engine)
            let stage = try line.serve()
            #expect(try stage.ask("GET", address, bearer(Self.reader)).text == "{}")
            #expect(line.hub.requests.allSatisfy { $0.authorization == nil })
        }
    }

    @Test func `uses its own token for those alone who have one of the server's`() async throws {
        try await MirrorStage.asClient {
            let line = try Self.line { $0.token = try? HubToken(Self.reader) }
            try line.folder.set(MirrorStage.name, gated: "auto")
            let open = try line.serve()
            #expect(try open.ask("GET", address).status == 401)
            let secret = try RegistryStore(open.store).addToken("team", read: [.all], push: [])
            let stage = try line.serve { $0.letsAnybodyRead = true }
            #expect(try stage.ask("GET", address).status == 401)
            #expect(try stage.ask("GET", address, bearer(secret)).text == "{}")
            #expect(line.hub.requests.allSatisfy { $0.authorization.map { !$0.contains(secret) } ?? true })
        }
    }

    @Test func `brings what it may, and asks about nothing else`() async throws {
        try await MirrorStage.asClient {
            let line = try Self.line {
                $0.names.allowed = [StarPattern("org/*")]
                $0.names.denied = [StarPattern("*/secret*")]
            }
            for name in ["org/secret-1", "other/model"] { try line.folder.write(name, line.files) }
            let stage = try line.serve()
            for name in ["org/secret-1", "other/model"] {
                #expect(try stage.ask("GET", "/\(name)/resolve/main/config.json").status == 404)
            }
            #expect(line.hub.requests.isEmpty)
            #expect(try stage.ask("GET", address).status == 200)
        }
    }

    @Test func `makes room for what comes, taking neither what is pinned nor what was used last`() async throws {
        try await MirrorStage.asClient {
            let line = try Self.line { $0.quota = 3_500_000 }
            for (number, name) in ["a", "b", "c", "d"].enumerated() {
                try line.folder.write("org/\(name)", ["w.bin": seededBytes(1 << 20, seed: UInt64(number))])
            }
            let stage = try line.serve()
            func ask(_ name: String) async throws {
                #expect(try stage.ask("GET", "/org/\(name)/resolve/main/w.bin").status == 200)
                await stage.server.settle()
            }
            try await ask("a")
            let operation = try Operation(stage.store)
            try stage.store.update(ModelName("org/a"), in: operation) { record in
                var record = record
                record?.isPinned = true
                return record
            }
            for name in ["b", "c", "b", "d"] { try await ask(name) }
            #expect(try stage.store.names().map(\.name.string) == ["org/a", "org/b", "org/d"])
            #expect(try Usage(of: stage.store).atRest < 3_500_000)
        }
    }
}
