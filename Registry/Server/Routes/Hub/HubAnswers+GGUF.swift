import Model
import Network
import Platform
import Store

/// llama.cpp and ramalama send a registry's request and expect a file of the Hub: `GET /v2/ORG/NAME/manifests/Q4_K_M`.
extension HubAnswers {
    /// All other clients get another manifest at that address.
    static let varies = (name: "Vary", value: "User-Agent")

    /// Nil for other clients, and for other requests than a manifest by its tag.
    static func quantization(_ request: ServerRequest, _ target: RequestTarget) -> HubRequest? {
        guard request.method == "GET" || request.method == "HEAD",
            request["user-agent"]?.lowercased().hasPrefix("llama-cpp") == true
        else { return nil }
        return HubRequest(manifest: target.parts)
    }

    /// Nil if the repository has no such files.
    func quantized(
        _ repository: HubRepository, _ tag: String, _ asked: Asked
    ) async throws -> ServerReply {
        let view = try await view(of: repository, nil, asked)
        let files = view.files
        let paths = files.map(\.path)
        guard GGUFChoice.hasAny(paths) else { throw HubRefusal.noGGUF }
        guard let choice = GGUFChoice(tag: tag, in: paths) else { throw HubRefusal.noQuantization }
        var object = JSONObject([
            .init(key: "schemaVersion", value: 2),
            .init(key: "mediaType", value: "application/vnd.docker.distribution.manifest.v2+json"),
        ])
        for (key, path) in [("ggufFile", choice.model), ("mmprojFile", choice.projector)] {
            guard let path, let file = files.first(where: { $0.path == path }) else { continue }
            object.append(key, try described(file, in: view))
        }
        return ServerReply(.object(object), 200, [HubAnswers.varies])
    }

    private func described(_ file: HubView.File, in view: HubView) throws -> JSONValue {
        var object = JSONObject([.init(key: "rfilename", value: .string(file.path.string))])
        let content = try content(of: file, in: view)
        var digest: Digest? = if case .large(let digest) = content { digest } else { nil }
        if case .stored(let stored) = file.source { digest = stored.digest }
        if let digest { object.append("blobId", .string("sha256:" + digest.hex)) }
        object.append("size", JSONValue(file.size))
        if let large = HubAnswers.large(file, content, hash: "sha256") { object.append("lfs", large) }
        return .object(object)
    }
}

extension HubRefusal {
    static let noGGUF = HubRefusal(400, nil, "This repository has no GGUF files")
    static let noQuantization = HubRefusal(
        400, nil, "No GGUF file of this repository has this quantization; the files' names show which there are")
}
