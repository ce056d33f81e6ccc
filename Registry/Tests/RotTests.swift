import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing

/// A byte of each kind of file in a registry is changed, and each route to it is tried.
@Suite struct `What rots in a registry` {
    enum Kind: CaseIterable {
        case pack, config, index, text, manifest, heldFile, object
        /// The store's model, whose packs consist of its objects.
        var isOwn: Bool { self == .heldFile || self == .object }
    }

    enum Route: CaseIterable { case get, range, head, mount, pushAgain, hubFile, verify, repair }

    /// A registry with one wrong file, before a server has read it.
    private struct Rotten {
        let scratch: Scratch
        let maker: Maker
        let files: ModelMaker.Files
        let name: String
        let tag: String
        let blob: BlobName
        let right: [UInt8]
    }

    private static func rot(_ kind: Kind) async throws -> Rotten {
        let stage = try Stage()
        let maker = try Maker(in: stage.scratch)
        let files: ModelMaker.Files = [
            "model.safetensors": try ModelMaker.safetensors([.init("a", bytes: 2 << 20, seed: 1)]),
            "config.json": Array("{}".utf8),
        ]
        let (name, tag) = kind.isOwn ? ("own/m", "latest") : ("team/m", "v1")
        if kind.isOwn {
            try await Shelf(at: stage.scratch["store"]).bring(
                ModelMaker.write(files, to: stage.scratch["own"]), as: "own/m")
        } else {
            try await maker.push(files, to: "team/m", "v1", of: stage)
        }
        let reply = try stage.ask("GET", "/v2/\(name)/manifests/\(tag)")
        let artifact = try ModelArtifact(RegistryManifest(parsing: reply.body.span))
        let large = try #require(artifact.packs.max { $0.size < $1.size })
        let blob: BlobName =
            switch kind {
            case .config: artifact.config.name
            case .index: artifact.index.name
            case .text: artifact.manifest.name
            case .manifest: try #require(reply["docker-content-digest"].flatMap { BlobName($0) })
            case .pack, .heldFile, .object: BlobName(large.digest)
            }
        let right =
            kind == .manifest ? reply.body : try stage.ask("GET", "/v2/\(name)/blobs/\(blob)").body
        let registry = stage.scratch["store/registry"]
        var path = "\(registry)/blobs/\(blob.hex.prefix(2))/\(blob.hex)"
        if kind == .manifest { path = "\(registry)/repositories/team+m/manifests/\(blob.fileName)" }
        if kind.isOwn {
            let held = try #require(
                try FileManager.default.contentsOfDirectory(atPath: registry + "/held").first { !$0.contains(".") })
            path = "\(registry)/held/\(held)"
            if kind == .heldFile {
                // A separate file: the store's object stays right.
                let copy = try Data(contentsOf: URL(filePath: path))
                try FileManager.default.removeItem(atPath: path)
                try copy.write(to: URL(filePath: path))
            }
        }
        let size = try #require(try Disk.status(path)).size
        let file = try File(path, .readWrite)
        let place = kind == .manifest ? size - 2 : size / 2
        try file.write([try file.bytes(at: place, count: 1)[0] ^ 1].span, at: place)
        return Rotten(
            scratch: stage.scratch, maker: maker, files: files, name: name, tag: tag, blob: blob, right: right)
    }

    @Test(arguments: Kind.allCases) func `is never given out under its name`(_ kind: Kind) async throws {
        for route in Route.allCases {
            let rotten = try await Self.rot(kind)
            let stage = try Stage(rotten.scratch)
            let kindOfPlace = kind == .manifest ? "manifests" : "blobs"
            let address = "/v2/\(rotten.name)/\(kindOfPlace)/\(rotten.blob)"
            let what: Comment = "\(kind) by \(route)"
            switch route {
            case .get:
                let reply = try? stage.ask("GET", address)
                #expect(reply.map { $0.status == 404 } ?? true, what)
            case .range:
                _ = try stage.ask("GET", address, [("Range", "bytes=0-9")])
            case .head: #expect(try stage.ask("HEAD", address).status == 404, what)
            case .mount:
                guard kind != .manifest else { continue }
                let mount = "/v2/other/m/blobs/uploads/?mount=\(rotten.blob)&from=\(rotten.name)"
                #expect(try stage.ask("POST", mount, [], []).status == 202, what)
            case .pushAgain:
                guard !kind.isOwn else { continue }
                try await rotten.maker.push(rotten.files, to: "team/m", "v1", of: stage)
                #expect(try stage.ask("GET", address).body == rotten.right, what)
                #expect(
                    try stage.ask("GET", "/team/m/resolve/v1/model.safetensors").body
                        == rotten.files["model.safetensors"], what)
                continue
            case .hubFile:
                let revision = kind.isOwn ? "main" : "v1"
                for (path, bytes) in rotten.files {
                    let reply = try? stage.ask("GET", "/\(rotten.name)/resolve/\(revision)/\(path)")
                    #expect(reply.map { $0.status != 200 || $0.body == bytes } ?? true, what)
                }
                // A config of the registry is nothing that files are made of, nor is a second name of an object.
                if kind == .config || kind.isOwn { continue }
            case .verify, .repair:
                let registry = try RegistryStore(stage.store)
                let damages = try await onPool { try await stage.store.verify(stage.store.everyLayer()) { _ in } }
                #expect(damages.isEmpty == (kind != .object), what)
                let found = try await onPool { try await registry.verify(mending: route == .repair) }
                #expect(found.damages.count == 1 && found.damages.first?.isSetAside == true, what)
                let owner = kind.isOwn ? rotten.name : "team/m:v1"
                #expect(found.damages.first?.neededBy == [owner], what)
                let isMended = route == .repair && kind == .heldFile
                #expect(found.damages.first?.isMended == isMended, what)
                #expect(try await onPool { try await registry.verify() }.damages.isEmpty, what)
                if isMended {
                    #expect(try stage.ask("GET", address).body == rotten.right, what)
                    continue
                }
            }
            await stage.server.settle()
            #expect(try stage.ask("HEAD", address).status == 404, what)
            #expect(try stage.ask("GET", address).status == 404, what)
            #expect(!stage.files(in: "damaged").isEmpty, what)
            if kind == .object {
                // The tag's manifest needs an object that is missing, until the model is imported again.
                #expect(try stage.ask("GET", "/v2/own/m/manifests/latest").status >= 404, what)
                try await Shelf(at: stage.scratch["store"]).bring(
                    ModelMaker.write(rotten.files, to: stage.scratch["again"]), as: "own/m")
            } else if kind == .heldFile {
                #expect(try stage.ask("GET", "/v2/own/m/manifests/latest").status == 200, what)
            } else {
                try await rotten.maker.push(rotten.files, to: "team/m", "v1", of: stage)
            }
            if kind.isOwn { #expect(try stage.ask("GET", "/v2/own/m/manifests/latest").status == 200, what) }
            #expect(try stage.ask("GET", address).body == rotten.right, what)
        }
    }

    @Test func `is found in an upload that an earlier process began`() throws {
        let (bytes, scratch) = (seededBytes(100_000, seed: 1), try Scratch())
        let place: String
        do {
            let stage = try Stage(scratch)
            place = try stage.begin()
            #expect(try stage.ask("PATCH", place, [], Array(bytes[..<60_000])).status == 202)
        }
        let upload = place.split(separator: "/").last.map(String.init) ?? ""
        let data = try File(scratch["store/registry/uploads/\(upload)/data"], .readWrite)
        try data.write([bytes[5] ^ 1].span, at: 5)
        let stage = try Stage(scratch)
        let reply = try stage.ask("PUT", "\(place)?digest=\(sha256(bytes))", [], Array(bytes[60_000...]))
        #expect(reply.status == 400 && reply.code == "DIGEST_INVALID")
        #expect(try stage.ask("HEAD", "/v2/a/b/blobs/\(sha256(bytes))").status == 404)
    }

    @Test func `is never packed, though its digest is what nobody has seen`() async throws {
        let stage = try Stage()
        let shelf = try Shelf(at: stage.scratch["store"])
        try await shelf.bring(ModelMaker.write(ModelMaker.small(), to: stage.scratch["m"]), as: "own/m")
        let layer = try #require(try shelf.layers(of: "own/m").max { $0.size < $1.size })
        let file = try File(shelf.object(layer.digest), .readWrite)
        let place = try file.size() / 2
        try file.write([try file.bytes(at: place, count: 1)[0] ^ 1].span, at: place)
        let reply = try stage.ask("GET", "/v2/own/m/manifests/latest")
        #expect(reply.status == 500 && reply.text.contains("cake verify --repair"))
        #expect(try !Disk.exists(shelf.object(layer.digest)))
        #expect(stage.files(in: "packs").isEmpty)
    }

    @Test func `is looked for share by share, each digest in one of them`() async throws {
        let stage = try Stage()
        for number in 0..<20 { try stage.push([UInt8(number)]) }
        let registry = try RegistryStore(stage.store)
        var blobs = 0
        for number in 1...7 {
            blobs += try await onPool { try await registry.verify(VerifiedShare(UInt64(number), of: 7)) }.blobs
        }
        #expect(blobs == 20)
    }

    @Test func `is not looked for again in what was checked and is the same file`() throws {
        let stage = try Stage { $0.recheck = .seconds(3600) }
        let bytes = seededBytes(300_000, seed: 3)
        let name = try stage.push(bytes)
        let registry = try RegistryStore(stage.store)
        let digest = try #require(name.sha256)
        #expect(try !registry.isChecked(digest, within: nil))
        guard case .right = try registry.check(digest) else { throw CakeError(.failed, "not right") }
        #expect(try registry.isChecked(digest, within: .seconds(3600)) && !registry.isChecked(digest, within: .zero))
        // Hashed on the way, whole and by ranges, it has its old bytes.
        let other = try Stage(stage.scratch) { $0.recheck = .zero }
        for _ in 0..<2 { #expect(try other.ask("GET", "/v2/a/b/blobs/\(name)").body == bytes) }
        #expect(
            try other.ask("GET", "/v2/a/b/blobs/\(name)", [("Range", "bytes=5-299990")]).body
                == Array(bytes[5...299990]))
    }
}
