import Model
import Platform
internal import Storage
import Store

/// The fields of a repository that a client requests: those in `expand`, or the usual ones.
struct HubFields: Sendable {
    private let named: Set<String>
    private let isFull: Bool
    private let hasConfig: Bool

    init(_ target: RequestTarget, _ kind: HubRepository.Kind) throws(HubRefusal) {
        let words = (target.all("expand") + target.all("expand[]")).flatMap { $0.split(separator: ",") }
        named = Set(words.map(String.init))
        let known = HubFields.common + (kind == .model ? HubFields.ofModels : HubFields.ofDatasets)
        guard named.isSubset(of: known) else {
            throw HubRefusal(400, nil, "\"expand\" must be one of [\(known.joined(separator: ", "))]")
        }
        isFull = target.isTrue("full")
        hasConfig = target.isTrue("config")
    }

    func names(_ field: String) -> Bool { named.contains(field) }

    /// A single repository has all of them, one in a list has fewer.
    func wants(_ field: String, inList: Bool) -> Bool {
        guard named.isEmpty else { return named.contains(field) }
        return switch field {
        case "siblings": !inList || isFull
        case "config": !inList || hasConfig
        case "baseModels": false
        default: !inList
        }
    }

    func choose(from object: JSONObject) -> JSONObject {
        guard !named.isEmpty else { return object }
        return JSONObject(object.members.filter { ["_id", "id"].contains($0.key) || named.contains($0.key) })
    }

    private static let common = [
        "author", "cardData", "createdAt", "disabled", "downloads", "downloadsAllTime", "gated", "lastModified",
        "likes", "private", "resourceGroup", "sha", "siblings", "tags", "trendingScore", "usedStorage", "xetEnabled",
        "gitalyUid",
    ]
    private static let ofModels = [
        "baseModels", "childrenModelCount", "config", "evalResults", "gguf", "inference",
        "inferenceProviderMapping", "library_name", "mask_token", "model-index", "pipeline_tag", "safetensors",
        "spaces", "transformersInfo", "widgetData",
    ]
    private static let ofDatasets = ["citation", "description", "mainSize", "paperswithcode_id"]
}

extension HubAnswers {
    /// Fields from other files of the model than its card, read only on request.
    func add(
        _ fields: HubFields, inList: Bool, to object: inout JSONObject, _ model: HubModels.Model, _ manifest: Manifest
    ) throws {
        if inList, fields.wants("siblings", inList: true) {
            let paths = manifest.files.map {
                JSONValue.object(JSONObject([.init(key: "rfilename", value: .string($0.path.string))]))
            }
            object.append("siblings", .array(paths))
        }
        if fields.wants("safetensors", inList: inList), let weights = HubAnswers.weights(of: manifest) {
            object.append("safetensors", weights)
        }
        if fields.wants("usedStorage", inList: inList) { object.append("usedStorage", JSONValue(manifest.size)) }
        if fields.wants("config", inList: inList), let config = try config(of: model) {
            object.append("config", config)
        }
        if fields.wants("baseModels", inList: inList), let bases = HubAnswers.bases(object, manifest) {
            object.append("baseModels", bases)
        }
    }

    /// The part of `config.json` that a Hub shows.
    private func config(of model: HubModels.Model) throws -> JSONValue? {
        guard let bytes = try models.bytes(of: "config.json", of: model, limit: 1 << 20),
            let config = try? JSONValue(parsing: bytes.span)
        else { return nil }
        var object = JSONObject()
        for key in ["architectures", "model_type", "quantization_config"] {
            if let value = config[key] { object.append(key, value) }
        }
        return object.members.isEmpty ? nil : .object(object)
    }

    /// The base models in the card, and the relation to them.
    private static func bases(_ object: JSONObject, _ manifest: Manifest) -> JSONValue? {
        let card = object["cardData"]
        let ids = card?["base_model"].map { $0.array?.compactMap(\.string) ?? [$0.string].compactMap(\.self) } ?? []
        guard !ids.isEmpty else { return nil }
        func has(_ ending: String) -> Bool { manifest.files.contains { $0.path.string.hasSuffix(ending) } }
        let usual =
            switch true {
            case ids.count > 1: "merge"
            case has("adapter_config.json"): "adapter"
            case has(".gguf"): "quantized"
            default: "finetune"
            }
        return [
            "relation": .string(card?["base_model_relation"]?.string ?? usual),
            "models": .array(
                ids.map {
                    ["_id": .string(String(GitHash.digest(of: Array($0.utf8).span).hex.prefix(24))), "id": .string($0)]
                }),
        ]
    }
}
