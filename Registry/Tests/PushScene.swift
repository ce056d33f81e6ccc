import Model
import Server
import Store
import Support
import Testing

/// A registry, and a client that pushes models to it.
struct PushScene {
    let stage: Stage
    private let maker: Maker

    init(_ engine: Engine) throws {
        stage = try Stage(engine)
        maker = try Maker(in: stage.scratch)
    }

    @discardableResult
    func push(
        _ files: ModelMaker.Files, to name: String, _ tag: String, beside others: [String] = []
    ) async throws -> Digest {
        try await maker.push(files, to: name, tag, of: stage, beside: others)
    }

    func json(_ address: String) throws -> JSONValue {
        let reply = try stage.ask("GET", address)
        try #require(reply.status == 200, "\(address): \(reply.text)")
        return try #require(reply.json)
    }

    func names(_ list: JSONValue?, _ key: String) -> [String] {
        list?.array?.compactMap { $0[key]?.string } ?? []
    }

    func artifact(_ name: String, _ tag: String) throws -> (ModelArtifact, text: String) {
        let bytes = try stage.ask("GET", "/v2/\(name)/manifests/\(tag)").body
        return (try ModelArtifact(RegistryManifest(parsing: bytes.span)), String(decoding: bytes, as: UTF8.self))
    }
}
