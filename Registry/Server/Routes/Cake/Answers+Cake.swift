import Model
import Network
import Platform
internal import Storage
import Store

/// Requests that only cake's registry answers: docs/openapi.yaml.
extension Answers {
    /// The most models at once, and the most digests.
    private static let most = 1000

    func intake(of asked: Asked, _ route: CakeRoute) throws(RegistryError) -> ServerIntake {
        try visibility.check(asked.caller, route)
        switch (route, asked.request.method) {
        case (.has, "POST"): return try has(asked)
        case (.layer(let digest), "GET"), (.layer(let digest), "HEAD"): return plainLayer(digest, asked)
        case (.models(let digest), "GET"): return patient { try models(with: digest, asked) }
        case (.difference, "GET"): return patient { try difference(asked) }
        case (.search, "GET"): return patient { try search(asked) }
        case (.published, "GET"): return published(asked)
        default:
            throw RegistryError(405, .unsupported, "\(asked.request.method.prefix(20)) is not allowed at this address")
        }
    }

    private func has(_ asked: Asked) throws(RegistryError) -> ServerIntake {
        .holding(atMost: RegistryManifest.maximumSize) { body in
            answer {
                guard let bytes = body, let document = try? JSONValue(parsing: bytes.span),
                    let texts = document["digests"]?.array
                else {
                    throw RegistryError(
                        400, .unsupported,
                        "send a JSON object of at most \(RegistryManifest.maximumSize) bytes, with an array of digests"
                    )
                }
                var wanted: [Digest] = []
                for text in texts {
                    guard let digest = text.string.flatMap({ BlobName($0) })?.sha256 else {
                        throw RegistryError(400, .digestInvalid, "a layer is named by sha256: and 64 hex digits")
                    }
                    wanted.append(digest)
                }
                let models = try eachModel(asked)
                var here = Set(try visibility.holders(of: Set(wanted), among: models).keys)
                let found = wanted.filter { here.remove($0) != nil }
                return ServerReply(["has": .array(found.map { .string("sha256:\($0.hex)") })])
            }
        }
    }

    /// Each model of the store once, although it may have many names.
    private func eachModel(_ asked: Asked) throws -> [RegistryStore.Listed] {
        var seen: Set<Digest> = []
        return try visibility.models(for: asked.caller).filter { $0.artifact != nil || seen.insert($0.model).inserted }
    }

    private func models(with digest: Digest, _ asked: Asked) throws -> ServerReply {
        var found: [JSONValue] = []
        var places: [Digest: (path: FilePath, segment: Manifest.Segment)] = [:]
        for some in try visibility.models(for: asked.caller).groups where found.count < Answers.most {
            for (model, summary) in zip(some, try registry.summaries(of: some)) where found.count < Answers.most {
                guard summary?.has(digest) == true else { continue }
                if places[model.model] == nil { places[model.model] = try place(of: digest, in: model.model) }
                guard let (path, segment) = places[model.model] else { continue }
                var document = Answers.document(model)
                document.append("file", .string(path.text.string))
                if let tensor = segment.tensor { document.append("tensor", .string(tensor.name.string)) }
                found.append(.object(document))
            }
        }
        return ServerReply(["models": .array(found)])
    }

    private func place(of layer: Digest, in model: Digest) throws -> (path: FilePath, segment: Manifest.Segment)? {
        for file in try registry.contents(of: model)?.files ?? [] {
            if let segment = file.segments.first(where: { $0.layer.digest == layer }) { return (file.path, segment) }
        }
        return nil
    }

    private static func document(_ model: RegistryStore.Listed) -> JSONObject {
        JSONObject([
            .init(key: "repository", value: .string(model.repository.text)),
            .init(key: "tag", value: .string(model.tag.text)),
            .init(key: "manifest", value: .string("sha256:\(model.model.hex)")),
        ])
    }

    private func search(_ asked: Asked) throws -> ServerReply {
        let words = (asked.target["q"] ?? "").lowercased().split(separator: " ")
        var found: [JSONValue] = []
        let fitting = try visibility.models(for: asked.caller).filter { model in
            let name = "\(model.repository.text):\(model.tag.text)".lowercased()
            return words.allSatisfy { name.contains($0) }
        }
        for some in fitting.groups where found.count < Answers.most {
            for (model, summary) in zip(some, try registry.summaries(of: some)) where found.count < Answers.most {
                guard let summary else { continue }
                var document = Answers.document(model)
                document.append("bytes", JSONValue(summary.bytes))
                document.append("files", JSONValue(summary.files))
                document.append("tensors", JSONValue(summary.tensors))
                found.append(.object(document))
            }
        }
        return ServerReply(["models": .array(found)])
    }

    private func difference(_ asked: Asked) throws -> ServerReply {
        let models = try visibility.models(for: asked.caller)
        func manifest(_ name: String) throws -> Manifest {
            guard let text = asked.target[name] else {
                throw RegistryError(400, .nameInvalid, "say which models: ?from=team/base:v1&to=team/tuned:v1")
            }
            let full = text.contains(":") ? text : text + ":latest"
            guard let model = models.first(where: { "\($0.repository):\($0.tag)" == full }),
                let manifest = try registry.contents(of: model.model)
            else { throw RegistryError(404, .manifestUnknown, "there is no such model", detail: text) }
            return manifest
        }
        let difference = Difference(from: try manifest("from"), to: try manifest("to"))
        var counts = JSONObject()
        for kind in Difference.Kind.allCases {
            let count = difference.tensors.count { $0.kind == kind }
            if count > 0 { counts.append(kind.rawValue, JSONValue(count)) }
        }
        let changes = difference.tensors.filter { $0.kind != .same }.map { change -> JSONValue in
            var document = JSONObject([
                .init(key: "tensor", value: .string(change.name.string)),
                .init(key: "change", value: .string(change.kind.rawValue)),
            ])
            if let layer = change.before?.layer { document.append("before", .string("sha256:\(layer.digest.hex)")) }
            if let layer = change.after?.layer { document.append("after", .string("sha256:\(layer.digest.hex)")) }
            return .object(document)
        }
        return ServerReply([
            "identical": .bool(difference.isIdentical), "bytes_needed": JSONValue(difference.bytesNeeded),
            "bytes_shared": JSONValue(difference.bytesShared), "tensors": .object(counts), "changes": .array(changes),
        ])
    }

    /// Encoded where it has to be: then it takes its time.
    private func plainLayer(_ digest: Digest, _ asked: Asked) -> ServerIntake {
        .patient {
            do {
                guard let holder = try visibility.holder(of: digest, among: eachModel(asked)),
                    let body = try await plainBody(of: digest, in: holder)
                else { throw Answers.noBlob(BlobName(digest)) }
                let headers = [(name: "Content-Type", value: "application/vnd.cake.object.v1")]
                return ServerReply(200, headers, body)
            } catch {
                return ServerReply(failure: error)
            }
        }
    }

    private func plainBody(of digest: Digest, in model: RegistryStore.Listed) async throws -> ServerReply.Body? {
        guard model.artifact == nil else {
            guard let found = hub.models.packed(digest, in: model) else { return nil }
            return try await plainLayers.body(of: found.layer, isMade: found.isMade) { await found.plainObject() }
        }
        guard let found = try place(of: digest, in: model.model)?.segment else { return nil }
        return try await plainLayers.body(of: found.layer, isMade: registry.isDelta(found.layer)) {
            try await registry.plainObject(of: found.layer, found.tensor?.kind)
        }
    }
}
