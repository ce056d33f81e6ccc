import Foundation
import Model
import Network
import Platform
import Remote
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// What another storage may do to a server that a disk does not.
@Suite struct `A registry in another storage` {
    private let memory = MemoryStorage()
    private let scratch: Scratch
    private let config = Array("{}".utf8)
    private let large = seededBytes((5 << 20) + 77, seed: 3)

    init() throws { scratch = try Scratch() }

    private func stage(
        room: UInt64 = 64 << 20, _ change: (inout RegistryServer.Settings) -> Void = { _ in }
    ) throws -> Stage {
        try Stage(over: memory, in: scratch, room: room, change)
    }

    @Test func `goes on giving what was read while the storage is down, and takes nothing`() async throws {
        let stage = try stage()
        for bytes in [config, large] { try stage.push(bytes) }
        try stage.put(image(config: config, layers: [large]), as: "v1")
        let began = try stage.begin()
        func reads() throws {
            #expect(try stage.ask("GET", "/v2/a/b/manifests/v1").text == image(config: config, layers: [large]))
            #expect(try stage.ask("GET", "/v2/a/b/tags/list").json?["tags"] == ["v1"])
            #expect(try stage.ask("GET", "/v2/a/b/blobs/\(sha256(large))").body == large)
            let part = try stage.ask("GET", "/v2/a/b/blobs/\(sha256(large))", [("Range", "bytes=5000000-")])
            #expect(part.status == 206 && part.body == Array(large[5_000_000...]))
        }
        try reads()
        await memory.cut(true)
        try reads()
        let other = Array("other".utf8)
        let pushes = [
            try stage.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(sha256(other))", [], other),
            try stage.ask("POST", "/v2/a/b/blobs/uploads/", [], []), try stage.ask("PATCH", began, [], other),
            try stage.put(image(config: config), as: "v2"), try stage.ask("DELETE", "/v2/a/b/manifests/v1"),
        ]
        for reply in pushes {
            #expect(reply.status == 503 && reply.text.contains("does not answer") && reply["retry-after"] != nil)
        }
        #expect(try stage.ask("GET", "/readyz").status == 503)
        #expect(try stage.ask("GET", "/healthz").status == 200)
        await memory.cut(false)
        try until { try stage.ask("GET", "/v2/a/b/manifests/v2").status == 404 }
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(sha256(other))").status == 404)
        #expect(try stage.ask("GET", began)["range"] == "0-0")
        #expect(try stage.ask("GET", "/readyz").status == 200)
        try reads()
    }

    @Test func `sends clients to the storage for bytes, unless it is told not to`() async throws {
        let stage = try stage()
        let name = try stage.push(large)
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
        await memory.giveLinks()
        for headers in [[], [("Range", "bytes=1-2")]] {
            let reply = try stage.ask("GET", "/v2/a/b/blobs/\(name)", headers)
            #expect(reply.status == 307 && reply.body.isEmpty)
            #expect(
                reply["location"] == "http://storage.example/blobs/\(name.hex.prefix(2))/\(name.hex)?for=300")
        }
        #expect(try stage.ask("HEAD", "/v2/a/b/blobs/\(name)").status == 200)
        #expect(try stage.ask("GET", "/v2/other/blobs/\(name)").status == 404)
        for record in stage.log.all { #expect(!record.request.address.contains("storage.example")) }
        let plain = try self.stage { $0.redirects = false }
        #expect(try plain.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
    }

    @Test func `sends clients of cake to a bucket, and they get the bytes`() async throws {
        let stage = try Stage(.bucket) { $0.redirects = true }
        let name = try stage.push(large)
        let reply = try stage.ask("GET", "/v2/a/b/blobs/\(name)")
        #expect(reply.status == 307 && reply["location"]?.contains("X-Amz-Signature=") == true)
        let files = try ModelMaker.small()
        try await Maker(in: stage.scratch).push(files, to: "team/m", "v1", of: stage)
        let client = RegistryClient(
            try RegistryRoutes(host: "127.0.0.1:\(stage.server.address.port)"),
            as: RegistryCredentials(files: [], own: nil, given: nil),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        let remote = RemoteRepository(client, try #require(RepositoryName("a/b")), for: [.pull])
        let blob = try await remote.blob(
            Descriptor(mediaType: "x", name: name, size: UInt64(large.count)), limit: large.count)
        #expect(blob == large)
    }

    @Test func `acknowledges no manifest whose blob was removed meanwhile`() async throws {
        let stage = try stage()
        for bytes in [config, large] { try stage.push(bytes) }
        let name = sha256(large)
        await memory.lose("blobs/\(name.hex.prefix(2))/\(name.hex)", whenPut: "/manifests/")
        let reply = try stage.put(image(config: config, layers: [large]), as: "v1")
        #expect(reply.status == 404 && reply.code == "MANIFEST_BLOB_UNKNOWN", "\(reply.text)")
        #expect(try stage.ask("GET", "/v2/a/b/manifests/v1").status == 404)
        #expect(try stage.values(in: "repositories/a+b/manifests").isEmpty)
        try stage.push(large)
        #expect(try stage.put(image(config: config, layers: [large]), as: "v1").status == 201)
    }

    @Test func `keeps so much on this disk as it may, and brings each blob once`() async throws {
        let room: UInt64 = 3 << 20
        let stage = try stage(room: room)
        let name = try stage.push(large)
        let key = "blobs/\(name.hex.prefix(2))/\(name.hex)"
        func blocks() -> UInt64 {
            let folder = scratch["cache/1/blocks"]
            let paths = FileManager.default.subpaths(atPath: folder) ?? []
            return paths.reduce(0) { sum, path in
                let facts = try? FileManager.default.attributesOfItem(atPath: folder + "/" + path)
                return sum + (facts?[.type] as? FileAttributeType == .typeRegular ? facts?[.size] as? UInt64 ?? 0 : 0)
            }
        }
        for _ in 0..<3 {
            #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
            #expect(blocks() <= room && blocks() > 0)
        }
        #expect(await memory.reads[key] == 1)
    }

    @Test func `never sends the end of a blob whose bytes are wrong, and gets it anew`() async throws {
        let stage = try stage()
        let name = try stage.push(large)
        let client = try stage.client()
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
        let folder = scratch["cache/1/blocks/\(name.hex.prefix(2))"]
        let block = URL(filePath: folder + "/\(name.hex)-2")
        var bytes = try Data(contentsOf: block)
        bytes[1000] ^= 1
        try bytes.write(to: block)
        let cut = try? client.ask("GET", "/v2/a/b/blobs/\(name)")
        #expect(cut == nil || cut?.body != large)
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
    }

    @Test func `keeps its cache when the server starts again`() async throws {
        func read() throws {
            #expect(try stage().ask("GET", "/v2/a/b/blobs/\(sha256(large))").body == large)
            // The server's last work may outlive it by a moment.
            try until { try File(scratch["cache/1/lock"], .readWrite).lock(exclusive: true, waiting: false) }
        }
        let key = "blobs/\(sha256(large).hex.prefix(2))/\(sha256(large).hex)"
        _ = try await memory.put(StorageBody(large), at: key, if: .always)
        try await memory.mark(["repositories/a+b/blobs/\(sha256(large).hex)"])
        try read()
        await memory.spoil(key)
        try read()
    }

    @Test func `gives a layer of a pushed model as an object without a base`() async throws {
        let stage = try stage()
        let files = try ModelMaker.small()
        let maker = try Maker(in: scratch)
        let model = try await maker.push(files, to: "team/m", "v1", of: stage)
        let layer = try #require(maker.shelf.store.manifest(model).layers.first { $0.size > 0 })
        let reply = try stage.ask("GET", "/v2/_cake/layers/sha256:\(layer.digest.hex)")
        #expect(reply.status == 200 && Array(reply.body[32..<64]) == layer.digest.bytes)
        let body = #"{"digests":["sha256:\#(layer.digest.hex)"]}"#
        #expect(try stage.ask("POST", "/v2/_cake/has", [], Array(body.utf8)).text.contains(layer.digest.hex))
    }
}
