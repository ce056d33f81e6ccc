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

/// A registry of docker's, which compares no index with its packs, and a team that pushes to it.
@Suite(.enabled(if: DockerRegistry.isThere, "docker-registry is not installed: scripts/test installs it"))
struct `A push beside what others pushed` {
    private let scratch: Scratch
    private let registry: DockerRegistry

    init() throws {
        scratch = try Scratch()
        registry = try DockerRegistry()
    }

    private func repository(_ name: String = "team/m") throws -> RemoteRepository {
        let client = RegistryClient(
            try RegistryRoutes(host: registry.host), as: RegistryCredentials(files: [], own: nil),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        return RemoteRepository(client, try #require(RepositoryName(name)), for: [.pull, .push])
    }

    private static let large = 3 << 20

    /// A large tensor and a small one.
    private static func files() throws -> ModelMaker.Files {
        let parts = [
            ModelMaker.Part("large", bytes: large, seed: 1), ModelMaker.Part("small", bytes: 4096, seed: 2),
        ]
        return ["model.safetensors": try ModelMaker.safetensors(parts), "config.json": Array("{}".utf8)]
    }

    private func bring(_ shelf: Shelf, _ name: String = "model") async throws -> Manifest {
        let folder = try ModelMaker.write(Self.files(), to: scratch["files \(UUID())"])
        return try shelf.store.manifest(await shelf.bring(folder, as: name))
    }

    private func push(
        _ manifest: Manifest, of shelf: Shelf, to name: String = "team/m", _ tag: String = "v1",
        beside others: [String] = [], _ change: (inout Push.Options) -> Void = { _ in }
    ) async throws -> Push.Report {
        var options = Push.Options()
        change(&options)
        let push = try Push(
            manifest, from: shelf.store, to: repository(name), as: #require(TagName(tag)),
            beside: others.map { try repository($0) }, progress: Progress("push"), options: options)
        return try await onPool { try await push() }
    }

    private func remote(_ tag: String = "v1", in name: String = "team/m") async throws -> RemoteArtifact {
        try await RemoteArtifact(.tag(#require(TagName(tag))), in: repository(name))
    }

    private func verify(_ tag: String = "v1", in name: String = "team/m") async throws -> RegistryVerify.Report {
        let shelf = try Shelf(at: scratch["reader \(UUID())"])
        let remote = try await remote(tag, in: name)
        return try await RegistryVerify(
            of: remote, in: shelf.store, bytesPerSecond: nil, progress: Progress("verify"))()
    }

    /// Requests for blobs in the registry's log: each with its method, and the number of bytes sent.
    private func bytesRead() throws -> Int {
        try registry.answers().reduce(0) { sum, line in
            guard let document = try? JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any],
                document["http.request.method"] as? String == "GET",
                (document["http.request.uri"] as? String)?.contains("/blobs/") == true
            else { return sum }
            return sum + (document["http.response.written"] as? Int ?? 0)
        }
    }

    private func blob(_ pack: PackIndex.Pack) -> URL {
        registry.folder.appending(
            path: "data/docker/registry/v2/blobs/sha256/\(pack.digest.hex.prefix(2))/\(pack.digest.hex)/data")
    }

    enum Lie: CaseIterable, CustomTestStringConvertible {
        /// The pack is there, as long as it should be, and holds something else.
        case junk
        /// At each place is the object of another layer.
        case others
        /// The first frames and the ends are right, and the bytes between are wrong.
        case middle
        /// The pack is not there.
        case nothing
        /// The bytes under the pack's own digest have rotted.
        case rot

        var testDescription: String { "\(self)" }
    }

    /// Pushes the blobs of another model's index: every layer seems to be there.
    private func lie(_ lie: Lie) async throws {
        let evil = try Shelf(at: scratch["evil"])
        let manifest = try await bring(evil)
        _ = try await push(manifest, of: evil, "evil")
        let honest = try await remote("evil")
        func damage(_ bytes: inout Data, _ pack: Int) {
            for member in honest.index.members where member.pack == pack {
                let (start, end) = (Int(member.offset) + 100, Int(member.offset + member.length) - 100)
                for place in stride(from: start, to: end, by: 13) { bytes[place] ^= 0x55 }
            }
        }
        switch lie {
        case .nothing: try remove(honest.index.packs)
        case .rot:
            for (number, pack) in honest.index.packs.enumerated() {
                var bytes = try Data(contentsOf: blob(pack))
                damage(&bytes, number)
                try bytes.write(to: blob(pack))
            }
        case .junk, .others, .middle:
            try await pushLie(lie, honest, damage)
            try await forget("evil")
            try remove(honest.index.packs)
        }
    }

    /// Removes packs from the registry's disk.
    private func remove(_ packs: [PackIndex.Pack]) throws {
        for pack in packs {
            try FileManager.default.removeItem(at: blob(pack).deletingLastPathComponent())
            let link = "data/docker/registry/v2/repositories/team/m/_layers/sha256/\(pack.digest.hex)"
            try FileManager.default.removeItem(at: registry.folder.appending(path: link))
        }
    }

    private func pushLie(
        _ lie: Lie, _ honest: RemoteArtifact, _ damage: (inout Data, Int) -> Void
    ) async throws {
        var packs: [PackIndex.Pack] = []
        for (number, pack) in honest.index.packs.enumerated() {
            var bytes = try Data(contentsOf: blob(pack))
            switch lie {
            case .middle: damage(&bytes, number)
            case .junk: bytes = Data(seededBytes(bytes.count, seed: UInt64(number + 5), .random))
            default: bytes += Data([0])
            }
            packs.append(PackIndex.Pack(digest: try send(Array(bytes)), size: UInt64(bytes.count)))
        }
        let all = honest.index.members
        let members = all.enumerated().map { number, member in
            guard lie == .others else { return member }
            // Within a pack each gets the place of its neighbour.
            let own = all.filter { $0.pack == member.pack }
            let place = own.firstIndex { $0.layer == member.layer } ?? 0
            let other = own[(place + 1) % own.count]
            return PackIndex.Member(
                layer: member.layer, stored: member.stored, length: other.length, offset: other.offset,
                pack: member.pack, transform: member.transform, base: member.base)
        }
        let index = try PackIndex(packs: packs, members: members).encoded
        let artifact = ModelArtifact(
            config: (try #require(honest.artifact.config.name.sha256), honest.artifact.config.size),
            manifest: (try #require(honest.artifact.manifest.name.sha256), honest.artifact.manifest.size),
            index: (try send(index), UInt64(index.count)), packs: packs)
        let reply = try Client(port: registry.port).ask(
            "PUT", "/v2/team/m/manifests/liar", [("Content-Type", RegistryManifest.image)], artifact.encoded)
        try #require(reply.status == 201, "\(reply.text)")
    }

    private func forget(_ tag: String) async throws {
        let name = try await remote(tag).digest
        let reply = try Client(port: registry.port).ask("DELETE", "/v2/team/m/manifests/\(name)")
        try #require(reply.status == 202, "\(reply.text)")
    }

    private func send(_ bytes: [UInt8]) throws -> Digest {
        let name = sha256(bytes)
        let client = try Client(port: registry.port)
        let begun = try client.ask("POST", "/v2/team/m/blobs/uploads/", [], [])
        let place = try #require(begun["location"])
        let address = String(place[try #require(place.firstRange(of: "/v2/")?.lowerBound)...])
        let reply = try Client(port: registry.port).ask(
            "PUT", address + "&digest=\(name)", [("Content-Type", "application/octet-stream")], bytes)
        try #require(reply.status == 201, "\(reply.text)")
        return try #require(name.sha256)
    }

    @Test(arguments: Lie.allCases.filter { $0 != .rot })
    func `believes no index: what does not hold what it says is sent again`(_ lie: Lie) async throws {
        try await self.lie(lie)
        let maker = try Shelf(at: scratch["maker"])
        let report = try await push(bring(maker), of: maker)
        #expect(report.refused.contains { $0.repository.text == "team/m" }, "\(report)")
        #expect(report.refused.allSatisfy { $0.isMissing == (lie == .nothing) })
        #expect(report.layersSent == report.layers)
        #expect(try await verify().isWhole)
        let user = try Shelf(at: scratch["user"])
        let (reference, store) = (try RegistryReference("\(registry.host)/team/m:v1"), user.store)
        let remote = try await remote()
        _ = try await onPool {
            let pull = RegistryPull(of: remote, into: store, progress: Progress("pull"), options: .init())
            return try await pull(as: ModelName("pulled"), from: reference) { _ in }
        }
        #expect(try await user.files(of: "pulled") == Self.files())
    }

    @Test func `says so when a registry keeps damaged bytes and takes no others`() async throws {
        try await lie(.rot)
        let maker = try Shelf(at: scratch["maker"])
        let manifest = try await bring(maker)
        let error = await #expect(throws: CakeError.self) { try await push(manifest, of: maker) }
        #expect(error?.kind == .damaged && error?.what.contains("does not replace them") == true, "\(error as Any)")
    }

    @Test func `reads nothing that it pushed or pulled itself, and of others' once`() async throws {
        let maker = try Shelf(at: scratch["maker"])
        let manifest = try await bring(maker)
        _ = try await push(manifest, of: maker)
        let index = Int(try await remote().artifact.index.size)
        func cost(_ work: () async throws -> Void) async throws -> Int {
            let before = try bytesRead()
            try await work()
            return try bytesRead() - before
        }
        // Each push reads the index, and no more.
        #expect(try await cost { _ = try await push(manifest, of: maker, "v2") } == index)
        let other = try Shelf(at: scratch["other"])
        let same = try await bring(other)
        let sample = try await cost { _ = try await push(same, of: other, "v3") }
        #expect(sample > 3 * index && sample < Self.large * 2)
        #expect(try await cost { _ = try await push(same, of: other, "v4") } <= 4 * index)
        // Derived data can be deleted: it is read again.
        try FileManager.default.removeItem(atPath: "\(other.root)/proved")
        #expect(try await cost { _ = try await push(same, of: other, "v5") } > sample / 2)
        let packs = try await remote().index.packs.reduce(0) { $0 + Int($1.size) }
        #expect(try await cost { _ = try await push(same, of: other, "v6") { $0.provesAll = true } } >= packs)
    }

    @Test func `is told by verify which layers are damaged`() async throws {
        let maker = try Shelf(at: scratch["maker"])
        _ = try await push(bring(maker), of: maker)
        #expect(try await verify().isWhole)
        let remote = try await remote()
        let member = try #require(remote.index.members.first { $0.layer.size == UInt64(Self.large) })
        let place = blob(remote.index.packs[member.pack])
        var bytes = try Data(contentsOf: place)
        bytes[Int(member.offset + member.length / 2)] ^= 1
        try bytes.write(to: place)
        let report = try await verify()
        #expect(report.damages.map(\.layer) == [member.layer] && report.wrongFiles.isEmpty)
        #expect(report.damages.first?.files.map(\.string) == ["model.safetensors"])
        try FileManager.default.removeItem(at: place)
        #expect(try await verify().damages.count >= 1)
    }
}
