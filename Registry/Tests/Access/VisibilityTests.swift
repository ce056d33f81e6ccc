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
import Testing
import Transfer

/// Every route, asked about a model that the client may have, and about one that it may not: each way of the second is one
/// more column of the same table.
@Suite struct `What a client may not have` {
    /// The routes of the server. A new one must be named here, and then have a row, or be declared to show no models.
    private enum Route: String, CaseIterable {
        case base, catalog, tags, blob, uploads, upload, manifest, referrers
        case has, layer, models, difference, search, published
        case whoAmI, list, info, tree, pathsInfo, revisions, commits, authCheck, file, raw
        case quantization, likers, discussions, emptyList
        case noRepository, noRevision, nothing
        case health, ready, metrics
        case home
        /// PeerRouteTests has a table for these: they ask for another secret.
        case peerServer, peerFile

        static let silent: Set<Route> = [
            .base, .upload, .referrers, .whoAmI, .emptyList, .noRepository, .noRevision, .nothing,
            .health, .ready, .metrics, .peerServer, .peerFile,
        ]

        init(_ route: OperatingRoute) {
            self =
                switch route {
                case .health: .health
                case .ready: .ready
                case .metrics: .metrics
                }
        }

        init(_ route: PageRoute) {
            self =
                switch route {
                case .home: .home
                }
        }

        init(_ route: RegistryRoute) {
            self =
                switch route {
                case .base: .base
                case .catalog: .catalog
                case .tags: .tags
                case .blob: .blob
                case .uploads: .uploads
                case .upload: .upload
                case .manifest: .manifest
                case .referrers: .referrers
                }
        }

        init(_ route: CakeRoute) {
            self =
                switch route {
                case .has: .has
                case .layer: .layer
                case .models: .models
                case .difference: .difference
                case .search: .search
                case .published: .published
                }
        }

        init(_ request: Model.HubRequest) {
            self =
                switch request {
                case .whoAmI: .whoAmI
                case .list: .list
                case .info: .info
                case .tree: .tree
                case .pathsInfo: .pathsInfo
                case .revisions: .revisions
                case .commits: .commits
                case .authCheck: .authCheck
                case .file: .file
                case .raw: .raw
                case .quantization: .quantization
                case .likers: .likers
                case .discussions: .discussions
                case .emptyList: .emptyList
                case .noRepository: .noRepository
                case .noRevision: .noRevision
                case .nothing: .nothing
                }
        }

        init?(_ row: Row) throws {
            let (address, parts) = (row.address, RequestTarget(row.address)?.parts ?? [])
            if let route = try PeerRoute(address) {
                switch route {
                case .server: self = .peerServer
                case .file: self = .peerFile
                }
            } else if row.isLlama {
                self = .quantization
            } else if let route = PageRoute(parts, row.request) {
                self.init(route)
            } else if let route = OperatingRoute(parts) {
                self.init(route)
            } else if let route = try CakeRoute(parts) {
                self.init(route)
            } else if let route = try RegistryRoute(parts) {
                self.init(route)
            } else if let target = RequestTarget(address, ofHub: true), let request = Model.HubRequest(target.parts) {
                self.init(request)
            } else {
                return nil
            }
        }
    }

    /// A request, and whether its answer shows the model.
    private struct Row {
        let method: String
        let address: String
        var headers: [(String, String)] = []
        var body: [UInt8]?
        var shows: (Client.Reply) -> Bool = { (200..<300).contains($0.status) }

        /// llama.cpp has its own request for manifests.
        static let llama = [("User-Agent", "llama-cpp")]
        static let browser = [("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8")]

        var request: ServerRequest {
            ServerRequest(
                method: method, address: address, headers: headers.map { (name: $0.0.lowercased(), value: $0.1) })
        }

        var isLlama: Bool { headers.contains { $0.0 == "User-Agent" } }
    }

    private static func rows(_ model: Exhibit) throws -> [Row] {
        let (name, id, layer) = (model.repository, model.id, "sha256:" + model.layer.hex)
        let artifact = model.artifact
        let pack = BlobName(try #require(artifact.packs.first).digest)
        let blobs = [artifact.config.name, artifact.manifest.name, artifact.index.name, pack]
        let isNamed: (Client.Reply) -> Bool = { $0.status == 200 && $0.text.contains(name) }
        let isMounted: (Client.Reply) -> Bool = { $0.status == 201 }
        var rows = [
            Row(method: "GET", address: "/v2/_catalog", shows: isNamed),
            Row(method: "GET", address: "/v2/\(name)/tags/list"),
        ]
        for reference in ["latest", String(model.commit.prefix(40)), model.manifest.description] {
            for method in ["GET", "HEAD"] {
                rows.append(Row(method: method, address: "/v2/\(name)/manifests/\(reference)"))
            }
        }
        for blob in blobs {
            let address = "/v2/\(name)/blobs/\(blob)"
            rows.append(Row(method: "GET", address: address))
            rows.append(Row(method: "HEAD", address: address))
            rows.append(Row(method: "GET", address: address, headers: [("Range", "bytes=1-20")]))
            for from in ["&from=\(name)", ""] {
                let target = "/v2/org/copy\(rows.count)/blobs/uploads/?mount=\(blob)\(from)"
                rows.append(Row(method: "POST", address: target, body: [], shows: isMounted))
            }
        }
        let digests = Array(#"{"digests":["\#(layer)"]}"#.utf8)
        let isHere: (Client.Reply) -> Bool = { $0.status == 200 && $0.text.contains(layer) }
        rows += [
            Row(method: "POST", address: "/v2/_cake/has", body: digests, shows: isHere),
            Row(method: "GET", address: "/v2/_cake/layers/\(layer)"),
            Row(method: "GET", address: "/v2/_cake/layers/\(layer)/models", shows: isNamed),
            Row(method: "GET", address: "/v2/_cake/difference?from=\(name)&to=org/other"),
            Row(method: "GET", address: "/v2/_cake/difference?from=org/other&to=\(name):latest"),
            Row(method: "GET", address: "/v2/_cake/search?q=model", shows: isNamed),
            Row(method: "GET", address: "/v2/_cake/published?kind=model&id=\(id)&commit=\(model.commit)"),
        ]
        rows += [Row(method: "GET", address: "/api/models", shows: isNamed)]
        rows += [Row(method: "GET", address: "/", headers: Row.browser, shows: isNamed)]
        let paths = Array("paths=config.json".utf8)
        let form = [("Content-Type", "application/x-www-form-urlencoded")]
        for revision in ["main", model.commit] {
            rows += [
                Row(method: "GET", address: "/api/models/\(id)/revision/\(revision)"),
                Row(method: "GET", address: "/api/models/\(id)/tree/\(revision)"),
                Row(method: "POST", address: "/api/models/\(id)/paths-info/\(revision)", headers: form, body: paths),
                Row(method: "GET", address: "/api/models/\(id)/commits/\(revision)"),
                Row(method: "GET", address: "/\(id)/resolve/\(revision)/config.json"),
                Row(method: "HEAD", address: "/\(id)/resolve/\(revision)/model.safetensors"),
                Row(method: "GET", address: "/\(id)/raw/\(revision)/model.safetensors"),
            ]
        }
        rows.append(Row(method: "GET", address: "/v2/\(name)/manifests/latest", headers: Row.llama))
        rows += ["", "/refs", "/auth-check", "/likers", "/discussions"].map {
            Row(method: "GET", address: "/api/models/\(id)\($0)")
        }
        // Last: pushed blobs stay.
        rows.append(
            Row(
                method: "PUT", address: "/v2/\(name)/manifests/again",
                headers: [("Content-Type", RegistryManifest.image)], body: model.bytes))
        return rows
    }

    @Test(arguments: Exhibit.State.allCases)
    func `is shown by no route`(state: Exhibit.State) async throws {
        try await MirrorStage.asClient {
            let model = try await Exhibit(state)
            for row in try Self.rows(model) {
                let reply = try model.ask(row.method, row.address, row.headers, row.body)
                #expect(
                    row.shows(reply) == (state == .open), "\(state): \(row.method) \(row.address): \(reply.status)")
                #expect(reply.status < 500, "\(row.method) \(row.address): \(reply.text)")
            }
        }
    }

    @Test func `has a row for every route`() async throws {
        try await MirrorStage.asClient {
            let rows = try Self.rows(try await Exhibit(.open))
            let seen = try Set(rows.map { try #require(try Route($0), "\($0.address)") })
            #expect(seen.union(Route.silent) == Set(Route.allCases) && seen.isDisjoint(with: Route.silent))
        }
    }

    @Test func `is not spoken of to an operator's tools`() async throws {
        try await MirrorStage.asClient {
            let model = try await Exhibit(.open)
            for row in try Self.rows(model) { _ = try model.ask(row.method, row.address, row.headers, row.body) }
            let addresses = ["/healthz", "/readyz", "/metrics"]
            let routes = addresses.compactMap { RequestTarget($0).flatMap { OperatingRoute($0.parts) } }
            #expect(routes == OperatingRoute.allCases)
            for address in addresses {
                let reply = try model.ask("GET", address)
                #expect(reply.status == 200)
                for word in [model.repository, model.layer.hex, model.commit] {
                    #expect(!reply.text.contains(word), "\(address): \(reply.text)")
                }
            }
        }
    }

    @Test func `is decided on in one place`() throws {
        let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../Server").path
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder)
        where path.hasSuffix(".swift") && !path.hasPrefix("Access/") {
            let text = try String(contentsOfFile: folder + "/" + path, encoding: .utf8)
            for word in ["mayRead", "mayPush", "mirroredClosed", "registry.models("] {
                #expect(!text.contains(word), "\(path): \(word)")
            }
        }
    }

    @Test func `comes back when its Hub shows it again, and what another manifest names stays`() async throws {
        try await MirrorStage.asClient {
            let model = try await Exhibit(.open)
            let put = [("Content-Type", RegistryManifest.image)]
            let again = "/v2/\(model.repository)/manifests/again"
            let registry = try RegistryStore(model.stage.store)
            let address = "/v2/\(model.repository)/manifests/\(model.manifest)"
            try HubModels(registry).mark(HubRepository(model.id), .mirroredClosed)
            #expect(try model.ask("GET", address).status == 404)
            try HubModels(registry).mark(HubRepository(model.id), .mirrored)
            #expect(try model.ask("GET", address).status == 200)
            #expect(try model.ask("PUT", again, put, model.bytes).status == 201)
            try HubModels(registry).mark(HubRepository(model.id), .mirroredClosed)
            #expect(try model.ask("GET", again).body == model.bytes)
            let pack = try #require(model.artifact.packs.first).digest.hex
            #expect(try model.ask("GET", "/v2/\(model.repository)/blobs/sha256:\(pack)").status == 200)
        }
    }

    @Test func `may be pushed by who has it, all the same`() async throws {
        try await MirrorStage.asClient {
            let model = try await Exhibit(.turnedPrivate)
            let names = [model.artifact.config, model.artifact.manifest, model.artifact.index].map(\.name)
            let registry = try RegistryStore(model.stage.store)
            let name = try #require(RepositoryName(model.repository))
            let blobs = try names.map { blob in
                let found = try #require(try registry.blob(blob, in: name))
                guard case .file(let file, let range) = try found.bytes(0..<found.size) else { return [UInt8]() }
                return try file.bytes(at: range.lowerBound, count: range.count)
            }
            for (blob, bytes) in zip(names, blobs) {
                #expect(try model.ask("HEAD", "/v2/\(name)/blobs/\(blob)").status == 404)
                let address = "/v2/\(name)/blobs/uploads/?digest=\(blob)"
                #expect(try model.ask("POST", address, [], bytes).status == 201)
                #expect(try model.ask("GET", "/v2/\(name)/blobs/\(blob)").body == bytes)
            }
            let put = [("Content-Type", RegistryManifest.image)]
            let own = Array(image(config: blobs[0], layers: [blobs[1], blobs[2]]).utf8)
            #expect(try model.ask("PUT", "/v2/\(name)/manifests/mine", put, own).status == 201)
            // The packs were not downloaded.
            #expect(try model.ask("PUT", "/v2/\(name)/manifests/all", put, model.bytes).status == 404)
        }
    }
}
