import Foundation
import Model
import Network
import Platform
import Remote
import Server
import Store
import Support
import Testing
import Transfer

/// A client with a store of its own that pushes its models.
struct Maker {
    let shelf: Shelf
    private let scratch: Scratch

    init(in scratch: Scratch) throws {
        self.scratch = scratch
        shelf = try Shelf(at: scratch["maker"])
    }

    /// Imports the files, and pushes them. Returns the model's manifest.
    @discardableResult
    func push(
        _ files: ModelMaker.Files, to name: String, _ tag: String, of stage: Stage, beside others: [String] = [],
        login: RegistryLogin? = nil
    ) async throws -> Digest {
        func repository(_ name: String) throws -> RemoteRepository {
            let client = RegistryClient(
                try RegistryRoutes(host: "127.0.0.1:\(stage.server.address.port)"),
                as: RegistryCredentials(files: [], own: nil, given: login),
                client: try HTTPClient(HTTPSettings(userAgent: "cake-tests")))
            return RemoteRepository(client, try #require(RepositoryName(name)), for: [.pull, .push])
        }
        let local = "\(name)-\(tag)".replacing("/", with: "-")
        let folder = try ModelMaker.write(files, to: scratch["of \(local) \(UUID())"])
        let digest = try await shelf.bring(folder, as: local)
        let push = try Push(
            shelf.store.manifest(digest), from: shelf.store, to: repository(name), as: #require(TagName(tag)),
            beside: others.map(repository), progress: Progress("push"), options: Push.Options())
        _ = try await onPool { try await push() }
        return digest
    }
}
