import Foundation
import Hub
import Mirror
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// A model on a server, and a client's knowledge of it from the time when it had access: now it has none.
final class Exhibit {
    enum State: String, CaseIterable {
        case open
        /// None of the names that the client's token may read.
        case outside
        /// A mirror downloaded it, and learned later that its Hub closed it.
        case turnedPrivate
        /// The same, with the Hub still there to be asked, which does not know the client.
        case closedUpstream
        /// It was closed before its name was removed.
        case removed
    }

    let stage: Stage
    let line: MirrorStage
    let state: State
    let repository: String
    let id: String
    let commit: String
    let model: Digest
    let layer: Digest
    let manifest: BlobName
    let bytes: [UInt8]
    let artifact: ModelArtifact
    /// The manifests of its views.
    private(set) var views: [WrittenShape: [UInt8]] = [:]
    private let secret: String
    private let readingSecret: String

    static let commit = String(repeating: "c0ffee01", count: 5)

    /// Who asks: the team's token may push as well.
    enum Asker { case team, reader }

    init(_ state: State, views: ShapeViews = .off) async throws {
        self.state = state
        repository = state == .outside ? "secret/model" : "org/model"
        id = repository
        line = try MirrorStage(ModelMaker.small())
        let isMirror = state == .closedUpstream
        let stage = try line.serve {
            $0.allowsPush = true
            $0.views = views
            if !isMirror { $0.mirror = nil }
        }
        self.stage = stage
        let shelf = try Shelf(at: stage.scratch["store"])
        let folder = try ModelMaker.write(ModelMaker.small(), to: stage.scratch["of model"])
        model = try await shelf.bring(folder, as: id)
        layer = try #require(try shelf.layers(of: id).max { $0.size < $1.size }).digest
        commit = Exhibit.commit
        try shelf.store.update(ModelName(id), in: Operation(shelf.store)) { [commit] record in
            var record = record
            record?.source = "hf://org/model"
            record?.revision = "main"
            record?.commit = commit
            record?.mark = .mirrored
            return record
        }
        // Something else that the client may read all the time.
        let other = try ModelMaker.write(ModelMaker.packed(changed: 0..<4, seed: 9), to: stage.scratch["of other"])
        try await shelf.bring(other, as: "org/other")
        let registry = try RegistryStore(stage.store)
        let all = try registry.addToken("all", read: [.all], push: [])
        secret = try registry.addToken("team", read: [], push: [RepositoryPattern("org/*")])
        readingSecret = try registry.addToken("reader", read: [RepositoryPattern("org/*")], push: [])
        let reply = try stage.ask("GET", "/v2/\(repository)/manifests/latest", [("Authorization", "Bearer \(all)")])
        try #require(reply.status == 200, "\(reply.text)")
        manifest = sha256(reply.body)
        bytes = reply.body
        artifact = try ModelArtifact(RegistryManifest(parsing: reply.body.span))
        if !views.isEmpty { await stage.server.settle() }
        for view in views.all {
            let tag = "latest\(view.suffix)"
            let reply = try stage.ask(
                "GET", "/v2/\(repository)/manifests/\(tag)", [("Authorization", "Bearer \(all)")])
            try #require(reply.status == 200, "\(reply.text)")
            self.views[view.shape] = reply.body
        }
        switch state {
        case .open, .outside: break
        case .turnedPrivate: try close(registry)
        case .closedUpstream:
            try line.folder.set(MirrorStage.name, gated: "auto")
            try close(registry)
        case .removed:
            try close(registry)
            try shelf.remove(id)
        }
    }

    private func close(_ registry: RegistryStore) throws {
        try HubModels(registry).mark(HubRepository(id), .mirroredClosed)
    }

    func ask(
        _ method: String, _ address: String, _ headers: [(String, String)] = [], _ body: [UInt8]? = nil,
        as asker: Asker = .team
    ) throws -> Client.Reply {
        let token = asker == .team ? secret : readingSecret
        return try stage.ask(method, address, headers + [("Authorization", "Bearer \(token)")], body)
    }
}
