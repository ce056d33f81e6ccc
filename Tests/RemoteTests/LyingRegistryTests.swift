import Model
import Network
import Platform
import Support
import Synchronization
import Testing

@testable import Remote

/// A server that answers as a test wants, and remembers its requests.
private final class Stranger: Sendable {
    struct Asked: Sendable {
        let address: String
        let authorization: String?
    }

    private let server: HTTPServer
    private let seen: Recorder
    var port: UInt16 { server.port }
    var host: String { "127.0.0.1:\(port)" }

    final class Recorder: Sendable {
        let asked = Mutex<[Asked]>([])
    }

    init(_ answer: @escaping @Sendable (ServerRequest, UInt16) -> ServerReply) throws {
        let seen = Recorder()
        self.seen = seen
        let known = Known()
        server = try HTTPServer(ListenAddress(host: "127.0.0.1", port: 0), ServerLimits(), pool: testPool) { request in
            seen.asked.withLock {
                $0.append(Asked(address: request.address, authorization: request["authorization"]))
            }
            return .quick { answer(request, known.port.withLock { $0 }) }
        }
        known.port.withLock { $0 = server.port }
    }

    private final class Known: Sendable { let port = Mutex<UInt16>(0) }

    var asked: [Asked] { seen.asked.withLock { $0 } }

    func repository(_ login: RegistryLogin? = nil) throws -> RemoteRepository {
        let client = RegistryClient(
            try RegistryRoutes(host: host), as: RegistryCredentials(files: [], own: nil, given: login),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        return RemoteRepository(client, try #require(RepositoryName("m")))
    }

    static let login = RegistryLogin(.password(user: "user", "secret"))
}

@Suite struct `A registry that lies` {
    private let manifest = Array(#"{"schemaVersion":2,"layers":[]}"#.utf8)
    private var tag: ManifestName { get throws { .tag(try #require(TagName("v1"))) } }

    @Test func `is not believed about digests`() async throws {
        let (bytes, other) = (manifest, BlobName(SHA256.digest(of: [1, 2, 3].span)))
        let stranger = try Stranger { request, _ in
            ServerReply(200, [("Docker-Content-Digest", "\(other)")], .bytes(bytes))
        }
        let repository = try stranger.repository()
        let tag = try tag
        let byTag = await #expect(throws: CakeError.self) { try await repository.manifest(tag) }
        #expect(byTag?.kind == .damaged)
        let byDigest = await #expect(throws: CakeError.self) { try await repository.manifest(.digest(other)) }
        #expect(byDigest?.kind == .damaged)
        let blob = Descriptor(mediaType: "x", name: other, size: UInt64(bytes.count))
        let wrong = await #expect(throws: CakeError.self) { try await repository.blob(blob, limit: 1 << 20) }
        #expect(wrong?.kind == .damaged)
        let size = await #expect(throws: CakeError.self) { try await repository.has(other, size: 7) }
        #expect(size?.what.contains("has \(bytes.count) bytes") == true)
    }

    @Test func `that sends to another gets no login taken there`() async throws {
        let bytes = manifest
        let other = try Stranger { _, _ in ServerReply(200, [], .bytes(bytes)) }
        let port = other.port
        let stranger = try Stranger { request, _ in
            request["authorization"] == nil
                ? ServerReply(401, [("WWW-Authenticate", "Basic realm=\"x\"")])
                : ServerReply(307, [("Location", "http://127.0.0.1:\(port)/elsewhere")])
        }
        let tag = try tag
        _ = try await stranger.repository(Stranger.login).manifest(tag)
        #expect(stranger.asked.last?.authorization == Stranger.login.basic)
        #expect(other.asked.map(\.authorization) == [nil])
    }

    @Test func `about where tokens are is followed for a while only`() async throws {
        let stranger = try Stranger { request, port in
            request.address.hasPrefix("/token")
                ? ServerReply(302, [("Location", "/token?again")])
                : ServerReply(
                    401, [("WWW-Authenticate", "Bearer realm=\"http://127.0.0.1:\(port)/token\",service=\"s\"")])
        }
        let repository = try stranger.repository(Stranger.login)
        let tag = try tag
        let error = await #expect(throws: CakeError.self) { try await repository.manifest(tag) }
        #expect(error?.what.contains("redirects more than") == true)
        #expect(stranger.asked.count < 20)
    }

    @Test func `and refuses each token that it gave is asked a few times only`() async throws {
        let given = Given()
        let stranger = try Stranger { request, port in
            request.address.hasPrefix("/token")
                ? ServerReply(200, [], .bytes(Array("{\"token\":\"t\(given.next)\"}".utf8)))
                : ServerReply(
                    401,
                    [
                        (
                            "WWW-Authenticate",
                            "Bearer realm=\"http://127.0.0.1:\(port)/token\",error=\"insufficient_scope\""
                        )
                    ])
        }
        let repository = try stranger.repository(Stranger.login)
        let tag = try tag
        let error = await #expect(throws: CakeError.self) { try await repository.manifest(tag) }
        #expect(error?.kind == .notAuthorised && error?.fix == "use another login: cake login \(stranger.host)")
        #expect(stranger.asked.count <= 6)
        // The password went to the place of tokens and was not shown to the registry.
        for one in stranger.asked where !one.address.hasPrefix("/token") {
            #expect(one.authorization?.hasPrefix("Basic") != true)
        }
    }

    private final class Given: Sendable {
        private let count = Mutex(0)
        var next: Int {
            count.withLock { count in
                count += 1
                return count
            }
        }
    }

    @Test func `is told no password without encryption, unless it is this machine`() throws {
        #expect(try RegistryRoutes(host: "registry.local:5000").origin.scheme == .https)
        #expect(try RegistryRoutes(host: "localhost:5000").origin.scheme == .http)
        #expect(try RegistryRoutes(host: "[::1]:5000").origin.scheme == .http)
        #expect(try RegistryRoutes(host: "[::1]:5000", speaksTLS: true).origin.scheme == .https)
        #expect(throws: CakeError.self) { try RegistryRoutes(host: "a.b", allowsPlainHTTP: true, speaksTLS: true) }
        #expect(try RegistryRoutes(host: "registry.local", allowsPlainHTTP: true).origin.scheme == .http)
        let secure = try RegistryRoutes(host: "registry.local")
        #expect(!secure.mayTell(try WebURL("http://registry.local/token").origin))
        #expect(secure.mayTell(try WebURL("https://auth.local/token").origin))
    }
}
