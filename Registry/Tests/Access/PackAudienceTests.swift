import Foundation
import Mirror
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

/// Models that share layers with others that not every client may read.
@Suite struct `Packs of a model with readers of its own` {
    private let stage: Stage
    private let shelf: Shelf
    private let registry: RegistryStore

    init() throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
        registry = try RegistryStore(stage.store)
    }

    /// Two large tensors, of which the first may be changed a little, and a small one.
    private static func files(tuned: Bool, small: UInt64) throws -> ModelMaker.Files {
        var first = seededBytes(3 << 20, seed: 1, .mixed)
        if tuned { for index in stride(from: 0, to: first.count, by: 4096) { first[index] ^= 1 } }
        return [
            "model.safetensors": try ModelMaker.safetensors([
                .init(Tensor(name: "a", dtype: .bf16, shape: [UInt64(first.count / 2)]), first),
                .init("b", bytes: 2 << 20, seed: 2, .mixed), .init("c", bytes: 4096, seed: small),
            ])
        ]
    }

    private func bring(_ base: String, _ tune: String) async throws {
        let first = try ModelMaker.write(Self.files(tuned: false, small: 3), to: stage.scratch["base"])
        let second = try ModelMaker.write(Self.files(tuned: true, small: 4), to: stage.scratch["tune"])
        let name = try ModelName(base)
        try await shelf.bring(first, as: base, bases: .none)
        try await shelf.bring(second, as: tune, bases: .of(name))
        var deltas = 0
        for layer in try shelf.layers(of: tune) where try shelf.store.base(of: layer) != nil { deltas += 1 }
        try #require(deltas == 1)
    }

    private struct Fetched {
        let name: BlobName
        let index: PackIndex
        let own: Set<Digest>
        /// All layers in its packs, by their objects.
        let packed: Set<Digest>
    }

    private func ask(_ address: String, _ secret: String?, _ method: String = "GET") throws -> Client.Reply {
        try stage.ask(method, address, secret.map { [("Authorization", "Bearer \($0)")] } ?? [])
    }

    /// All of it, each byte as its digest says, and each layer without its base but where that is there.
    private func fetch(_ repository: String, _ secret: String?, _ reference: String = "latest") throws -> Fetched {
        let reply = try ask("/v2/\(repository)/manifests/\(reference)", secret)
        try #require(reply.status == 200, "\(reply.text)")
        let artifact = try ModelArtifact(RegistryManifest(parsing: reply.body.span))
        func blob(_ name: BlobName) throws -> [UInt8] {
            let blob = try ask("/v2/\(repository)/blobs/\(name)", secret)
            try #require(blob.status == 200)
            #expect(sha256(blob.body) == name)
            return blob.body
        }
        let indexBytes = try blob(artifact.index.name)
        let index = try PackIndex(decoding: indexBytes.span)
        let manifestBytes = try blob(artifact.manifest.name)
        let manifest = try ManifestText.decode(manifestBytes.span)
        try artifact.check(index, manifest)
        var packed: Set<Digest> = []
        for (number, pack) in index.packs.enumerated() {
            let bytes = try blob(BlobName(pack.digest))
            for member in index.members where member.pack == number {
                let object = bytes[Int(member.offset)..<Int(member.offset + member.length)]
                #expect(SHA256.digest(of: Array(object).span) == member.stored)
            }
            packed.formUnion(try layers(inPack: pack.digest))
        }
        return Fetched(
            name: sha256(reply.body), index: index, own: Set(manifest.layers.map(\.digest)), packed: packed)
    }

    /// The registry's list of a pack.
    private func layers(inPack pack: Digest) throws -> [Digest] {
        let text = try String(contentsOfFile: stage.scratch["store/registry/packs/\(pack.hex)"], encoding: .utf8)
        return text.split(separator: "\n").dropFirst().compactMap { Digest(hex: String($0.split(separator: " ")[2])) }
    }

    @Test func `hold nothing of a model that they may not read, neither beside their layers nor as a base`()
        async throws
    {
        try await bring("secret/base", "team/tune")
        let all = try registry.addToken("all", read: [.all], push: [])
        let team = try registry.addToken("team", read: [RepositoryPattern("team/*")], push: [])
        let base = try fetch("secret/base", all)
        let tune = try fetch("team/tune", team)
        #expect(tune.packed.isSubset(of: tune.own))
        #expect(!tune.index.members.contains { $0.base != nil })
        #expect(tune.packed.isDisjoint(with: base.own.subtracting(tune.own)))
        // The same for all its readers, with any number of requests.
        for secret in [all, team] {
            let again = try fetch("team/tune", secret)
            #expect(again.name == tune.name)
        }
        // It can be pulled.
        let other = try Shelf(at: stage.scratch["other"])
        try await pull("team/tune", team, into: other)
        let files = try await other.files(of: "tune")
        let wanted = try Self.files(tuned: true, small: 4)
        #expect(files == wanted)
    }

    private func pull(_ name: String, _ secret: String, into shelf: Shelf) async throws {
        let host = "127.0.0.1:\(stage.server.address.port)"
        let reference = try RegistryReference("\(host)/\(name):latest")
        let login = try RegistryLogin(user: "anyone", password: secret)
        let routes = try RegistryRoutes(host: host)
        let http = try HTTPClient(HTTPSettings(userAgent: "cake-tests"))
        let client = RegistryClient(
            routes, as: RegistryCredentials(files: [], own: nil, given: login), client: http)
        let place = try #require(RepositoryName(name))
        let model = try ModelName("tune")
        let repository = RemoteRepository(client, place, for: [.pull])
        try await onPool {
            let artifact = try await RemoteArtifact(reference.manifest, in: repository)
            let pull = RegistryPull(of: artifact, into: shelf.store, progress: Progress("pull"), options: .init())
            _ = try await pull(as: model, from: reference) { _ in }
        }
    }

    @Test func `are shared where every reader may have all of them`() async throws {
        try await bring("team/base", "team/tune")
        let freeBase = try fetch("team/base", nil)
        let freeTune = try fetch("team/tune", nil)
        let team = try registry.addToken("team", read: [RepositoryPattern("team/*")], push: [])
        let all = try registry.addToken("all", read: [.all], push: [])
        let teamBase = try fetch("team/base", team)
        #expect(teamBase.name == freeBase.name)
        let allTune = try fetch("team/tune", all)
        #expect(allTune.name == freeTune.name)
        #expect(freeTune.index.members.contains { $0.base != nil })
        #expect(Set(freeBase.index.packs).isSubset(of: Set(freeTune.index.packs)))
    }

    @Test func `are those of the common layers alone, where the models differ in nothing else`() async throws {
        for name in ["secret/base", "team/same"] {
            let folder = try ModelMaker.write(Self.files(tuned: false, small: 3), to: stage.scratch[name])
            try await shelf.bring(folder, as: name, bases: .none)
        }
        let all = try registry.addToken("all", read: [.all], push: [])
        let team = try registry.addToken("team", read: [RepositoryPattern("team/*")], push: [])
        let packs = try fetch("secret/base", all).index.packs
        let same = try fetch("team/same", team).index.packs
        #expect(packs == same)
    }

    @Test func `are made anew when a token comes, and old ones are kept from it`() async throws {
        try await bring("secret/base", "team/tune")
        _ = try fetch("secret/base", nil)
        let free = try fetch("team/tune", nil)
        #expect(free.index.members.contains { $0.base != nil })
        let team = try registry.addToken("team", read: [RepositoryPattern("team/*")], push: [])
        let all = try registry.addToken("all", read: [.all], push: [])
        let own = try fetch("team/tune", team)
        #expect(own.name != free.name)
        #expect(own.packed.isSubset(of: own.own))
        // A reader who may read the base continues with the old manifest.
        let old = try fetch("team/tune", all, free.name.description)
        #expect(old.packed == free.packed)
        #expect(try ask("/v2/team/tune/manifests/\(free.name)", team).status == 404)
        for pack in free.index.packs {
            let layers = try layers(inPack: pack.digest)
            let wanted = layers.allSatisfy(free.own.contains) ? 200 : 404
            for method in ["GET", "HEAD"] {
                let address = "/v2/team/tune/blobs/sha256:\(pack.digest.hex)"
                let status = try ask(address, team, method).status
                #expect(status == wanted)
            }
        }
        // Without tokens it is as before, and with them as then: each manifest was made once.
        for name in ["team", "all"] { try registry.removeToken(name) }
        #expect(try fetch("team/tune", nil).name == free.name)
        let again = try registry.addToken("again", read: [RepositoryPattern("team/*")], push: [])
        #expect(try fetch("team/tune", again).name == own.name)
    }

    @Test func `count everyone among the readers where everyone may read`() async throws {
        try await bring("public/base", "team/tune")
        let team = try registry.addToken("team", read: [RepositoryPattern("team/*")], push: [])
        let open = try Stage(stage.scratch) { $0.letsAnybodyRead = true }
        let reply = try open.ask("GET", "/v2/team/tune/manifests/latest")
        let artifact = try ModelArtifact(RegistryManifest(parsing: reply.body.span))
        for pack in artifact.packs {
            let address = "/v2/team/tune/blobs/sha256:\(pack.digest.hex)"
            #expect(try open.ask("GET", address).status == 200)
            #expect(try open.ask("GET", address, [("Authorization", "Bearer \(team)")]).status == 200)
        }
    }

    @Test func `hold nothing of a base that its Hub closed, though nobody needs a token`() async throws {
        try await bring("org/base", "team/tune")
        let operation = try Operation(shelf.store)
        let name = try ModelName("org/base")
        try shelf.store.update(name, in: operation) { record in
            var record = record
            record?.mark = .mirrored
            return record
        }
        let base = try fetch("org/base", nil)
        let free = try fetch("team/tune", nil)
        try HubModels(registry).mark(HubRepository("org/base"), .mirroredClosed)
        let own = try fetch("team/tune", nil)
        #expect(own.name != free.name)
        #expect(own.packed.isSubset(of: own.own))
        var foreign: [PackIndex.Pack] = []
        for pack in free.index.packs {
            let layers = try layers(inPack: pack.digest)
            if !layers.allSatisfy(own.own.contains) { foreign.append(pack) }
        }
        let pack = try #require(foreign.first)
        #expect(base.index.packs.contains(pack))
        #expect(try ask("/v2/team/tune/blobs/sha256:\(pack.digest.hex)", nil).status == 404)
    }

    @Test func `stay after a collection, and go with their model`() async throws {
        try await bring("secret/base", "team/tune")
        let team = try registry.addToken("team", read: [RepositoryPattern("team/*")], push: [])
        let tune = try fetch("team/tune", team)
        _ = try registry.collect(grace: .zero, isDryRun: false)
        #expect(try fetch("team/tune", team).name == tune.name)
        try shelf.remove("team/tune")
        _ = try registry.collect(grace: .zero, isDryRun: false)
        #expect(stage.files(in: "held").isEmpty)
        #expect(stage.files(in: "packs").isEmpty)
    }
}
