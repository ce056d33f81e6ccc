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

/// Which routes show a model that a mirror brought into a storage.
@Suite struct `A model in a storage that mirrors share` {
    enum State: CaseIterable {
        case open
        /// Not all of its files are there.
        case partial
        /// Its Hub never showed it to everyone.
        case closed
        /// No more since a server asked.
        case closedLater
    }

    enum Shown { case always, whole }

    private static let reader = "hf_readerreaderreader"

    private static func rows(_ artifact: BlobName, _ bytes: [UInt8]) throws -> [(
        address: String, word: String, when: Shown
    )] {
        let manifest = try RegistryManifest(parsing: bytes.span)
        let model = try #require(try ModelArtifact(manifest).manifest.name.sha256)
        var rows: [(String, String, Shown)] = [
            ("/v2/org/model/manifests/latest", "layers", .whole),
            ("/v2/org/model/manifests/\(artifact)", "layers", .whole),
            ("/v2/org/model/tags/list", "latest", .whole), ("/v2/_catalog", "org/model", .whole),
            ("/v2/_cake/search?q=model", "org/model", .whole),
            ("/v2/_cake/difference?from=org/model&to=org/model", "identical", .whole),
            ("/org/model/resolve/main/config.json", "{}", .always), ("/org/model/raw/main/config.json", "{}", .always),
            ("/api/models", "org/model", .always), ("/api/models/org/model", "org/model", .always),
            ("/api/models/org/model/tree/main", "config.json", .always),
            ("/api/models/org/model/refs", "main", .always),
            ("/api/models/org/model/commits/main", "title", .always),
        ]
        rows += manifest.named.map { ("/v2/org/model/blobs/\($0.name)", "", .whole) }
        rows.append(("/v2/_cake/layers/sha256:\(sha256(Array("{}".utf8)).hex)", "", .whole))
        rows.append(("/v2/_cake/layers/sha256:\(sha256(Array("{}".utf8)).hex)/models", model.hex, .whole))
        return rows
    }

    @Test(arguments: State.allCases)
    func `is shown where it may be, by each server`(_ state: State) async throws {
        try await MirrorStage.asClient {
            let files: ModelMaker.Files = [
                "config.json": Array("{}".utf8),
                "model.safetensors": try ModelMaker.safetensors([
                    .init("a", bytes: 300_000, seed: 1)
                ]),
            ]
            let bucket = try SharedBucket(
                files, hub: { $0.users = [Self.reader: .init("reader", reads: ["org/model"])] }
            ) {
                $0.revalidation = .zero
            }
            if state == .closed { try bucket.line.folder.set(MirrorStage.name, gated: "auto") }
            let one = try bucket.serve()
            let other = try bucket.serve { $0.mirror = nil }
            let token = state == .closed ? [("Authorization", "Bearer \(Self.reader)")] : []
            for path in files.keys.sorted() where state != .partial || path == "config.json" {
                #expect(try one.ask("GET", MirrorStage.address(path), token).status == 200)
            }
            await one.server.settle()
            let artifacts = bucket.keys(in: "brought/manifests").compactMap { BlobName(fileName: $0) }
            let brought = try bucket.registry().allBrought()
            #expect(brought.count == 1 && artifacts.count >= 1)
            let listed = try #require(brought.first).artifact
            let stored = try #require(try await bucket.storage.value("brought/manifests/\(listed.fileName)"))
            let manifest = Array(stored.drop { $0 != 0x0a }.dropFirst())
            if state == .closedLater {
                try bucket.line.folder.set(MirrorStage.name, gated: "auto")
                #expect(try one.ask("GET", MirrorStage.address("config.json")).status == 401)
            }
            // The upstream is gone: what is here decides.
            bucket.line.hub.misbehave(.hangUp)
            for (address, word, when) in try Self.rows(listed, manifest) {
                for stage in [other, try bucket.serve { $0.mirror?.isOffline = true }] {
                    let reply = try stage.ask("GET", address)
                    let isShown = reply.status == 200 && (word.isEmpty || reply.text.contains(word))
                    #expect(
                        isShown == (state == .open || state == .partial && when == .always),
                        "\(state) \(address) \(reply.status) \(reply.text.prefix(80))")
                    // It is offline, and says so.
                    #expect(reply.status < 500 || reply.status == 503, "\(address) \(reply.text)")
                }
            }
        }
    }

    @Test func `is its readers' alone who have a token for its name`() async throws {
        try await MirrorStage.asClient {
            let bucket = try SharedBucket(["config.json": Array("{}".utf8)])
            let registry = try bucket.registry()
            let own = try registry.addToken("own", read: [RepositoryPattern("org/*")], push: [])
            let stranger = try registry.addToken("stranger", read: [RepositoryPattern("team/*")], push: [])
            let (one, other) = (try bucket.serve(), try bucket.serve())
            func bearer(_ secret: String) -> [(String, String)] { [("Authorization", "Bearer \(secret)")] }
            #expect(try one.ask("GET", MirrorStage.address("config.json"), bearer(own)).text == "{}")
            await one.server.settle()
            try until { try other.ask("GET", "/v2/org/model/manifests/latest", bearer(own)).status == 200 }
            let listed = try other.ask("GET", "/v2/org/model/manifests/latest", bearer(own)).body
            for (address, word, _) in try Self.rows(sha256(listed), listed) {
                let reply = try other.ask("GET", address, bearer(own))
                #expect(
                    reply.status == 200 && (word.isEmpty || reply.text.contains(word)), "\(address) \(reply.status)")
                let refused = try other.ask("GET", address, bearer(stranger))
                #expect(refused.status != 200 || !refused.text.contains("org/model"), "\(address) \(refused.status)")
            }
        }
    }
}
