import Foundation
import Model
import Network
import Platform
import Remote
import Storage
import Store
import Support
import Synchronization
import Testing
import Transfer

@testable import Server

/// A registry behind a test that sees, changes and remembers its requests.
private final class Bent: Sendable {
    enum Way: Sendable {
        case pass
        case changed(ServerRequest)
        case answer(ServerReply)
    }

    private final class Seen: Sendable {
        let requests = Mutex<[ServerRequest]>([])
        let port = Mutex<UInt16>(0)
    }

    private let server: HTTPServer
    private let seen: Seen
    let root: String

    init(
        _ scratch: Scratch, _ name: String = "registry",
        _ bend: @escaping @Sendable (ServerRequest, UInt16) -> Way
    ) throws {
        root = scratch[name]
        let store = try LocalStore(at: root, pool: Stage.pool)
        var settings = RegistryServer.Settings()
        settings.allowsPush = true
        let answers = try Answers(RegistryStore(store), settings, pool: Stage.pool)
        let seen = Seen()
        self.seen = seen
        let place = ListenAddress(host: "127.0.0.1", port: 0)
        server = try HTTPServer(place, ServerLimits(), pool: Stage.pool) { request in
            seen.requests.withLock { $0.append(request) }
            switch bend(request, seen.port.withLock { $0 }) {
            case .pass: return answers.intake(of: request)
            case .changed(let other): return answers.intake(of: other)
            case .answer(let reply): return .refusal(reply)
            }
        }
        seen.port.withLock { $0 = server.port }
    }

    var host: String { "127.0.0.1:\(server.port)" }
    var requests: [ServerRequest] { seen.requests.withLock { $0 } }

    func repository(
        _ name: String = "m", _ login: RegistryLogin? = nil, for actions: Set<RegistryScope.Action> = [.pull, .push]
    ) throws -> RemoteRepository {
        let client = RegistryClient(
            try RegistryRoutes(host: host), as: RegistryCredentials(files: [], own: nil, given: login),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        return RemoteRepository(client, try #require(RepositoryName(name)), for: actions)
    }
}

extension ServerRequest {
    fileprivate func without(_ header: String) -> ServerRequest {
        ServerRequest(method: method, address: address, headers: headers.filter { $0.name != header }, client: client)
    }

    fileprivate var isOfBlob: Bool { address.contains("/blobs/sha256:") }
}

@Suite struct `A registry of somebody else's` {
    private let scratch: Scratch
    private let maker: Shelf
    private let user: Shelf
    private let tag: TagName

    init() throws {
        scratch = try Scratch()
        maker = try Shelf(at: scratch["maker"])
        user = try Shelf(at: scratch["user"])
        tag = try #require(TagName("v1"))
    }

    private func importModel(_ name: String = "model", seed: UInt64 = 1) async throws -> Manifest {
        let parts = [
            ModelMaker.Part("a", bytes: 2 << 20, seed: seed), ModelMaker.Part("b", bytes: 1 << 20, seed: 2),
            ModelMaker.Part("c", bytes: 4096, seed: 3),
        ]
        let files = ["model.safetensors": try ModelMaker.safetensors(parts)]
        return try maker.store.manifest(await maker.bring(ModelMaker.write(files, to: scratch[name]), as: name))
    }

    @discardableResult
    private func push(
        _ manifest: Manifest, to repository: RemoteRepository, beside others: [RemoteRepository] = [],
        chunkSize: UInt64? = nil
    ) async throws -> Push.Report {
        var options = Push.Options()
        options.chunkSize = chunkSize
        let push = Push(
            manifest, from: maker.store, to: repository, as: tag, beside: others, progress: Progress("push"),
            options: options)
        return try await onPool { try await push() }
    }

    @discardableResult
    private func pull(_ repository: RemoteRepository, _ bent: Bent) async throws -> RegistryPull.Report {
        let reference = try RegistryReference("\(bent.host)/\(repository.name):v1")
        let (store, tag) = (user.store, tag)
        return try await onPool {
            let remote = try await RemoteArtifact(.tag(tag), in: repository)
            let pull = RegistryPull(of: remote, into: store, progress: Progress("pull"), options: .init())
            return try await pull(as: ModelName("pulled"), from: reference) { _ in }
        }
    }

    @Test func `that bears no large bodies is sent pieces`() async throws {
        let bent = try Bent(scratch) { request, _ in
            request.method == "PUT" && request.length ?? 0 > 1 << 20 ? .answer(ServerReply(413)) : .pass
        }
        let manifest = try await importModel()
        try await push(manifest, to: bent.repository())
        #expect(bent.requests.contains { $0.method == "PATCH" && $0["content-range"] != nil })
        try await pull(bent.repository(), bent)
        #expect(try user.store.find("pulled").record.manifest == maker.store.find("model").record.manifest)
    }

    @Test func `that bears small pieces alone is sent those that were asked for`() async throws {
        let bent = try Bent(scratch) { request, _ in
            request.length ?? 0 > 1 << 20 ? .answer(ServerReply(413)) : .pass
        }
        let manifest = try await importModel()
        let refused = await #expect(throws: CakeError.self) { try await push(manifest, to: bent.repository()) }
        #expect(refused?.what.contains("too large") == true, "\(String(describing: refused))")
        try await push(manifest, to: bent.repository(), chunkSize: 1_000_000)
        #expect(bent.requests.count { $0.method == "PATCH" && $0.length == 1_000_000 } >= 3)
        try await pull(bent.repository(), bent)
    }

    @Test func `that knows no ranges is asked for the whole, once`() async throws {
        let bent = try Bent(scratch) { request, _ in .changed(request.without("range")) }
        try await push(importModel(), to: bent.repository())
        let before = bent.requests.count
        try await pull(bent.repository(), bent)
        let asked = bent.requests[before...].filter { $0.isOfBlob && $0["range"] != nil }
        // The first answer shows it, although only a byte was requested; then both packs come.
        #expect(asked.map { $0["range"] == "bytes=0-0" } == [true, false, false])
        let named = try user.store.find("pulled").record.manifest
        #expect(try named == maker.store.find("model").record.manifest)
    }

    @Test func `that keeps other bytes than it was sent is found out, and nothing of it stays`() async throws {
        let given = Mutex<(pack: String, bytes: [UInt8])?>(nil)
        let bent = try Bent(scratch) { request, _ in
            guard request.method == "GET", let (pack, bytes) = given.withLock({ $0 }),
                request.address.hasSuffix("/blobs/sha256:" + pack)
            else { return .pass }
            let headers = [("Content-Type", "application/octet-stream")]
            guard case .part(let range) = ByteRange(header: request["range"], size: UInt64(bytes.count)) else {
                return .answer(ServerReply(200, headers, .bytes(bytes)))
            }
            let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
            let part = Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])
            return .answer(ServerReply(206, headers + [("Content-Range", place)], .bytes(part)))
        }
        let manifest = try await importModel()
        try await push(manifest, to: bent.repository())
        let remote = try await RemoteArtifact(.tag(tag), in: bent.repository())
        let pack = try #require(remote.index.packs.first).digest.hex
        var wrong = Array(try Data(contentsOf: URL(filePath: "\(bent.root)/registry/blobs/\(pack.prefix(2))/\(pack)")))
        wrong[wrong.count / 2] ^= 1
        let bytes = wrong
        given.withLock { $0 = (pack, bytes) }
        let error = await #expect(throws: CakeError.self) { try await pull(bent.repository(), bent) }
        #expect(error?.kind == .damaged, "\(String(describing: error))")
        #expect(try user.store.names().isEmpty)
        given.withLock { $0 = nil }
        try await pull(bent.repository(), bent)
        #expect(try user.store.names().count == 1)
    }

    @Test func `that takes a blob for another is not believed`() async throws {
        let other = sha256([1])
        let bent = try Bent(scratch) { request, _ in
            request.method == "PUT" && request.address.contains("/uploads/")
                ? .answer(ServerReply(201, [("Docker-Content-Digest", "\(other)")])) : .pass
        }
        let manifest = try await importModel()
        let error = await #expect(throws: CakeError.self) { try await push(manifest, to: bent.repository()) }
        #expect(error?.kind == .damaged && error?.what.contains("stored blob") == true)
    }

    @Test func `that keeps its blobs elsewhere is followed there, without the login`() async throws {
        let scratch = scratch
        let shelves = try Bent(scratch) { request, _ in .changed(request.without("authorization")) }
        let host = shelves.host
        let front = try Bent(scratch, "other") { request, _ in
            guard request["authorization"] == RegistryLogin(.password(user: "u", "secret")).basic else {
                return .answer(ServerReply(401, [("WWW-Authenticate", "Basic realm=\"x\"")]))
            }
            if request.isOfBlob { return .answer(ServerReply(307, [("Location", "http://\(host)\(request.address)")])) }
            return .changed(request.without("authorization"))
        }
        try await push(importModel(), to: shelves.repository())
        // The same manifest is at the door.
        let kept = try await shelves.repository().manifest(.tag(tag))
        let reply = try Client(port: #require(UInt16(shelves.host.split(separator: ":")[1]))).ask(
            "GET", "/v2/m/manifests/v1")
        #expect(reply.body == kept.bytes)
        let place = "\(front.root)/registry/repositories/m"
        try FileManager.default.createDirectory(
            atPath: "\(front.root)/registry/repositories", withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: "\(shelves.root)/registry/repositories/m", toPath: place)
        let before = shelves.requests.count
        try await pull(front.repository("m", RegistryLogin(.password(user: "u", "secret")), for: [.pull]), front)
        let followed = shelves.requests[before...]
        #expect(followed.contains { $0["range"] != nil })
        #expect(followed.allSatisfy { $0["authorization"] == nil })
    }

    /// The grants of a token server: everything with the password, reading for all.
    private static func granting(_ request: ServerRequest, _ port: UInt16) -> Bent.Way {
        let basic = RegistryLogin(.password(user: "u", "secret")).basic
        if request.address.hasPrefix("/token") {
            let scopes = RequestTarget(request.address)?.all("scope") ?? []
            let isKnown = request["authorization"] == basic
            guard isKnown || request["authorization"] == nil else { return .answer(ServerReply(401)) }
            let granted = scopes.flatMap { scope in
                let words = scope.split(separator: ":")
                return words.last?.split(separator: ",").filter { isKnown || $0 == "pull" }.map { "\(words[1]):\($0)" }
                    ?? []
            }
            let token = granted.joined(separator: ";")
            return .answer(
                ServerReply(200, [], .bytes(Array("{\"access_token\":\"x\(token)\",\"expires_in\":60}".utf8))))
        }
        guard let target = RequestTarget(request.address), let route = try? RegistryRoute(target.parts) else {
            return .pass
        }
        var needed: [String] = []
        let isRead = request.method == "GET" || request.method == "HEAD"
        switch route {
        case .blob(let name, _), .manifest(let name, _), .tags(let name):
            needed = ["\(name):\(isRead ? "pull" : "push")"]
        case .uploads(let name), .upload(let name, _): needed = ["\(name):push"]
        default: break
        }
        if let from = target["from"] { needed.append("\(from):pull") }
        let given = request["authorization"]?.dropFirst("Bearer x".count).split(separator: ";").map(String.init) ?? []
        if request["authorization"]?.hasPrefix("Bearer x") == true, needed.allSatisfy(given.contains) {
            return .changed(request.without("authorization"))
        }
        let scope = needed.first.map { ",scope=\"repository:\($0)\"" } ?? ""
        return .answer(
            ServerReply(
                401,
                [("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:\(port)/token\",service=\"s, t\"\(scope)")]))
    }

    @Test func `gives tokens for what is done, and the password goes to their place alone`() async throws {
        let bent = try Bent(scratch) { `A registry of somebody else's`.granting($0, $1) }
        let login = RegistryLogin(.password(user: "u", "secret"))
        let base = try await importModel()
        try await push(base, to: bent.repository("base", login))
        // The base's layers are mounted, for which one token must allow two things.
        let tune = try await importModel("tune", seed: 9)
        let report = try await push(tune, to: bent.repository("tune", login), beside: [bent.repository("base", login)])
        #expect(report.packsMounted == 2)
        try await pull(bent.repository("tune", for: [.pull]), bent)
        let nobody = await #expect(throws: CakeError.self) { try await push(base, to: bent.repository("mine")) }
        #expect(nobody?.kind == .notAuthorised)
        for request in bent.requests where !request.address.hasPrefix("/token") {
            #expect(request["authorization"]?.hasPrefix("Basic") != true)
        }
        let tokens = bent.requests.filter { $0.address.hasPrefix("/token") }
        #expect(tokens.allSatisfy { RequestTarget($0.address)?["service"] == "s, t" })
        #expect(tokens.count < 12, "\(tokens.map(\.address))")
    }
}
