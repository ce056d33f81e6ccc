import Foundation
import Model
import Network
import Platform
import Remote
import Store
import Support
import Synchronization
import Testing
import Transfer

/// A registry in memory that gives out whatever a test put into it, and remembers what was asked for.
final class ShapeRegistry: Sendable {
    private struct State {
        var blobs: [String: [UInt8]] = [:]
        var manifests: [String: (bytes: [UInt8], type: String)] = [:]
        var requests: [String] = []
        var ignoresRanges = false
        /// Paths that it does not have for now.
        var lost: Set<String> = []
    }

    private final class Shelves: Sendable {
        let state = Mutex(State())

        func answer(_ request: ServerRequest) -> ServerReply {
            let path = String(request.address.prefix { $0 != "?" })
            let last = String(path.split(separator: "/").last ?? "")
            return state.withLock { state in
                state.requests.append(path)
                if state.lost.contains(last) { return ServerReply(404) }
                if path.contains("/manifests/") {
                    guard let (bytes, type) = state.manifests[last] else { return ServerReply(404) }
                    return ServerReply(200, [("Content-Type", type)], .bytes(bytes))
                }
                guard let bytes = state.blobs[last] else { return ServerReply(404) }
                let ends = (request["range"] ?? "").dropFirst("bytes=".count).split(separator: "-").compactMap {
                    Int($0)
                }
                guard !state.ignoresRanges, ends.count == 2, ends[0] < bytes.count else {
                    return ServerReply(200, [], .bytes(bytes))
                }
                let range = ends[0]..<min(ends[1] + 1, bytes.count)
                let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
                return ServerReply(206, [("Content-Range", place)], .bytes(Array(bytes[range])))
            }
        }
    }

    private let server: HTTPServer
    private let shelves: Shelves

    init() throws {
        let shelves = Shelves()
        self.shelves = shelves
        let place = ListenAddress(host: "127.0.0.1", port: 0)
        server = try HTTPServer(place, ServerLimits(), pool: Stage.pool) { request in
            .refusal(shelves.answer(request))
        }
    }

    var host: String { "127.0.0.1:\(server.port)" }

    /// The digests of blobs that were asked for, each once.
    var blobsAsked: Set<String> {
        shelves.state.withLock { state in
            Set(
                state.requests.filter { $0.contains("/blobs/") }.compactMap {
                    $0.split(separator: "/").last.map(String.init)
                })
        }
    }

    func forget() { shelves.state.withLock { $0.requests = [] } }
    func ignoreRanges() { shelves.state.withLock { $0.ignoresRanges = true } }
    func lose(_ names: Set<String>) { shelves.state.withLock { $0.lost = names } }

    static func name(_ bytes: [UInt8]) -> String { "sha256:\(ShapeMaker.digest(bytes).hex)" }

    @discardableResult
    func put(_ maker: ShapeMaker, as tag: String = "v1") -> String {
        for layer in maker.layers {
            let name = layer.claimedDigest.map { "sha256:\($0.hex)" } ?? ShapeRegistry.name(layer.bytes)
            put(blob: layer.bytes, as: name)
        }
        put(blob: maker.configBytes, as: ShapeRegistry.name(maker.configBytes))
        return put(manifest: maker.manifest, type: maker.mediaType, as: tag)
    }

    func put(blob bytes: [UInt8], as name: String) { shelves.state.withLock { $0.blobs[name] = bytes } }

    @discardableResult
    func put(manifest bytes: [UInt8], type: String, as tag: String) -> String {
        let name = ShapeRegistry.name(bytes)
        shelves.state.withLock { state in
            state.manifests[tag] = (bytes, type)
            state.manifests[name] = (bytes, type)
        }
        return name
    }

    /// Gives out another manifest under that name from now on.
    func swap(_ name: String, with other: String) {
        shelves.state.withLock { $0.manifests[name] = $0.manifests[other] }
    }

    /// As cake asks for it.
    func find(_ tag: String = "v1") async throws -> RemoteFinding {
        let client = RegistryClient(
            try RegistryRoutes(host: host), as: RegistryCredentials(files: [], own: nil),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")), retry: nil)
        let repository = RemoteRepository(client, try #require(RepositoryName("a/b")))
        let name: ManifestName
        if let digest = BlobName(tag) { name = .digest(digest) } else { name = .tag(try #require(TagName(tag))) }
        return try await RemoteFinding(name, in: repository)
    }

    private func pulling(_ tag: String, into shelf: Shelf, _ change: (inout RegistryPull.Options) -> Void) async throws
        -> ShapePull
    {
        guard case .foreign(let remote) = try await find(tag) else {
            throw CakeError(.failed, "it was taken for a model of cake's")
        }
        var options = RegistryPull.Options()
        change(&options)
        return ShapePull(of: remote, into: shelf.store, progress: Progress("pull"), options: options)
    }

    @discardableResult
    func pull(
        _ tag: String = "v1", into shelf: Shelf, as name: String = "model",
        _ change: (inout RegistryPull.Options) -> Void = { _ in }
    ) async throws -> RegistryPull.Report {
        let pull = try await pulling(tag, into: shelf, change)
        let reference = try RegistryReference("\(host)/a/b:\(tag.contains(":") ? "x" : tag)")
        return try await onPool { try await pull(as: ModelName(name), from: reference) { _ in } }
    }

    func outlook(_ tag: String = "v1", into shelf: Shelf) async throws -> (bytes: UInt64, layers: Int) {
        try await pulling(tag, into: shelf) { _ in }.outlook()
    }
}

/// How a layer's bytes may be coded.
enum LayerCoding: String, CaseIterable, Sendable {
    case plain, gzip, zstd

    func encode(_ bytes: [UInt8]) throws -> [UInt8] {
        switch self {
        case .plain: return bytes
        case .gzip:
            let scratch = try Scratch()
            try Data(bytes).write(to: URL(filePath: scratch["x"]))
            return Array(try Tool.run("gzip", ["-n", "-c", scratch["x"]]).bytes)
        case .zstd:
            var encoder = ZstdEncoder()
            var room = [UInt8](repeating: 0, count: ZstdEncoder.bound(bytes.count))
            var span = room.mutableSpan
            let count = try encoder.encode(bytes.span, into: &span, .level(3))
            return Array(room[..<count])
        }
    }

    /// As a type ends with it.
    var suffix: String { self == .plain ? "" : "+\(rawValue)" }
}

extension TarMaker {
    /// A model's files, in order, below a folder.
    init(_ files: ModelMaker.Files, in folder: String = "") {
        self.init()
        if !folder.isEmpty { add(folder, type: "5") }
        for (path, bytes) in files.sorted(by: { $0.key < $1.key }) { add(folder + path, bytes) }
        end()
    }
}
