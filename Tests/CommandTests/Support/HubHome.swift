import Foundation
import Hub
import Model
import Network
import Platform
import Remote
import Store
import Support
import Transfer

@testable import cake

/// A hub with a base and a tune of it that shares its first shard, and a folder with a store that knows neither.
struct HubHome {
    let shelf: HubFolder
    let hub: Hub
    let folder: ModelFolder

    init(_ settings: HubSettings = HubSettings()) throws {
        shelf = try HubFolder()
        try HubHome.write("org/base", to: shelf, changed: 0..<0)
        try HubHome.write("org/tune", to: shelf, changed: 6..<8)
        let card = "---\nlicense: mit\nbase_model: org/base\npipeline_tag: text-generation\n---\n# A tune\n"
        try shelf.write("org/tune", "README.md", Array(card.utf8))
        try shelf.write("org/tune", "pytorch_model.bin", seededBytes(3000, seed: 5))
        hub = try Hub(serving: shelf.path, settings)
        folder = try ModelFolder()
    }

    private static func write(_ name: String, to shelf: HubFolder, changed: Range<Int>) throws {
        let tensors = SmallModel(layers: 8, changed: changed).tensors
        for (shard, part) in [tensors[..<13], tensors[13...]].enumerated() {
            let bytes = try Safetensors.header(for: part.map(\.0)) + part.flatMap(\.1)
            try shelf.write(name, "model-0000\(shard + 1)-of-00002.safetensors", bytes)
        }
        try shelf.write(name, "config.json", Array(SmallModel.config.utf8))
    }

    func cake(_ words: String..., variables: [String: String] = [:]) throws -> Tool {
        try cake(words, variables: variables)
    }

    func cake(_ words: [String], variables: [String: String] = [:]) throws -> Tool {
        let variables = ["HF_ENDPOINT": hub.endpoint, "HOME": folder.path].merging(variables) { $1 }
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let script = "cd '\(folder.path)' && exec '\(Tool.cake.path)' \(quoted)"
        return try Tool.run("sh", ["-c", script], variables: ["CAKE_HOME": folder.store].merging(variables) { $1 })
    }

    func document(_ words: String...) throws -> JSONValue {
        let variables = ["HF_ENDPOINT": hub.endpoint]
        let quoted = words.map { "'\($0)'" }.joined(separator: " ")
        let script = "cd '\(folder.path)' && exec '\(Tool.cake.path)' \(quoted) --json"
        return try ModelFolder.document(
            try Tool.run("sh", ["-c", script], variables: ["CAKE_HOME": folder.store].merging(variables) { $1 }))
    }

    func store() throws -> LocalStore { try LocalStore(at: folder.store, pool: testPool) }

    func source() throws -> HubSource {
        let client = try HTTPClient(HTTPSettings(userAgent: "cake-tests"))
        return HubSource(try HubRoutes(endpoint: hub.endpoint), token: nil, client: client)
    }

    /// A model as seen from the store, or without a store.
    func look(at name: String, from store: LocalStore? = nil) async throws -> RemoteModel {
        let reference = HubReference(try HubRepository(name))
        let source = try source()
        return try await onPool {
            try await RemoteModel(reference, from: source, store: store, on: testPool)
        }
    }
}
