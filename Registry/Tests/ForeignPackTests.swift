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

/// Which packs of other repositories a push lists if not everyone may read everything.
@Suite struct `Packs of another repository` {
    private let stage: Stage
    private let maker: Shelf

    init() throws {
        stage = try Stage()
        maker = try Shelf(at: stage.scratch["maker"])
    }

    private static let size = 1 << 20

    /// Two tensors, of which a tune changes the second here and there, and a configuration.
    private func bring(_ name: String, tuned: Bool = false, config: String = "{}") async throws -> Manifest {
        var second = seededBytes(Self.size, seed: 2, .mixed)
        if tuned { for index in stride(from: 0, to: second.count, by: 4096) { second[index] ^= 1 } }
        let tensors = [seededBytes(Self.size, seed: 1, .mixed), second].enumerated().map { number, bytes in
            ModelMaker.Part(
                Tensor(name: ExactText("t\(number)"), dtype: .bf16, shape: [UInt64(Self.size / 2)]), bytes)
        }
        let files: ModelMaker.Files = [
            "model.safetensors": try ModelMaker.safetensors(tensors), "config.json": Array(config.utf8),
        ]
        let folder = try ModelMaker.write(files, to: stage.scratch["\(name) \(UUID())"])
        return try maker.store.manifest(await maker.bring(folder, as: name))
    }

    private func push(
        _ manifest: Manifest, to name: String, beside others: [String] = [], named: [String] = [],
        as login: RegistryLogin?
    ) async throws -> Push.Report {
        let push = try self.push(manifest, name, others, named, login)
        return try await onPool { try await push() }
    }

    private func push(
        _ manifest: Manifest, _ name: String, _ others: [String], _ named: [String], _ login: RegistryLogin?
    ) throws -> Push {
        var options = Push.Options()
        options.bases = Set(try named.map { try #require(RepositoryName($0)) })
        return try Push(
            manifest, from: maker.store, to: repository(name, login), as: #require(TagName("v1")),
            beside: (named + others).map { try repository($0, login) }, progress: Progress("push"), options: options)
    }

    private func repository(_ name: String, _ login: RegistryLogin?) throws -> RemoteRepository {
        let client = RegistryClient(
            try RegistryRoutes(host: "127.0.0.1:\(stage.server.address.port)"),
            as: RegistryCredentials(files: [], own: nil, given: login),
            client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
        return RemoteRepository(client, try #require(RepositoryName(name)), for: [.pull, .push])
    }

    /// Every request needs a login.
    private func close() throws -> RegistryLogin {
        RegistryLogin(
            .password(user: "ci", try RegistryStore(stage.store).addToken("ci", read: [.all], push: [.all])))
    }

    /// Packs hold layers of the model and nothing else.
    private func isOfOnly(_ manifest: Manifest, _ name: String, _ login: RegistryLogin?) async throws -> Bool {
        let index = try await RemoteArtifact(.tag(#require(TagName("v1"))), in: repository(name, login)).index
        let layers = Set(manifest.layers.map(\.digest))
        return try index.part(whollyOf: layers).members.count == index.members.count
    }

    enum Case: CaseIterable, CustomTestStringConvertible {
        case open, closed, named, same, sameWeights
        var testDescription: String { "\(self)" }
    }

    @Test(arguments: Case.allCases) func `are listed by rule`(_ which: Case) async throws {
        let base = try await bring("base")
        let login = which == .open ? nil : try close()
        _ = try await push(base, to: "secret/base", as: login)
        let model =
            switch which {
            case .same: base
            case .sameWeights: try await bring("other", config: #"{"a":1}"#)
            default: try await bring("tune", tuned: true)
            }
        let (others, named) = which == .named ? ([], ["secret/base"]) : (["secret/base"], [])
        let push = try push(model, "public/m", others, named, login)
        let outlook = try await onPool { try await push.outlook() }
        let report = try await onPool { try await push() }
        let reused = report.reused.map { "\($0.repository) \($0.packs)" }
        #expect(outlook.reused == report.reused && outlook.packsToSend == report.packsSent)
        switch which {
        case .open, .named:
            // The tune's tensor is a delta of the base's, in its pack; the header and the configuration are in another.
            #expect(reused == ["secret/base 2"] && report.layersRecoded == 0 && report.layersSent == 1, "\(report)")
        case .closed:
            #expect(report.layersRecoded == 1 && report.bytesSent > UInt64(Self.size / 2), "\(report)")
            #expect(try await isOfOnly(model, "public/m", login))
            #expect(reused == ["secret/base 1"], "what is not of tensors is the same: \(report)")
        case .same: #expect(reused == ["secret/base 2"] && report.layersSent == 0, "\(report)")
        case .sameWeights:
            #expect(reused == ["secret/base 1"] && report.layersRecoded == 0, "\(report)")
            #expect(report.bytesSent < 20_000)
        }
        #expect(report.packsMounted == report.reused.reduce(0) { $0 + $1.packs })
    }

    @Test func `are asked about once, without the login`() async throws {
        let login = try close()
        let base = try await bring("base")
        for tag in ["secret/base", "secret/other"] { _ = try await push(base, to: tag, as: login) }
        let before = stage.log.all.count
        _ = try await push(
            bring("tune", tuned: true), to: "public/m", beside: ["secret/base", "secret/other"], as: login)
        let asked = stage.log.all[before...].filter {
            $0.request["authorization"] == nil && $0.request.address.contains("/manifests/") && $0.status == 401
        }
        // The first request of a client has no login either, before it is asked for one.
        let places = Set(asked.map { $0.request.address.split(separator: "/")[2] })
        #expect(places.contains("other") && places.contains("base"), "\(asked.map(\.request.address))")
        #expect(asked.count <= 3, "\(asked.map(\.request.address))")
    }
}
