/// The parts of KitOps' file that say where layers lie.
struct Kitfile: Sendable {
    private struct Part {
        let kind: String
        let path: String
        /// Of its layer. Older files have none: then the layer's names begin at the folder around the path.
        let digest: Digest?
    }

    private var parts: [Part] = []
    private var modelPath: String?

    init(_ document: JSONValue) {
        if let model = document["model"] {
            modelPath = model["path"]?.string
            add([model], "model")
            add(model["parts"]?.array, "modelpart")
        }
        add(document["datasets"]?.array, "dataset")
        add(document["code"]?.array, "code")
        add(document["prompts"]?.array, "code")
        add(document["docs"]?.array, "docs")
    }

    private mutating func add(_ list: [JSONValue]?, _ kind: String) {
        for one in list ?? [] {
            guard let path = one["path"]?.string else { continue }
            let digest = one["digest"]?.string.flatMap { BlobName($0) }?.sha256
            parts.append(Part(kind: kind, path: path, digest: digest))
        }
    }

    struct Place: Hashable {
        let path: String
        /// The layer's names begin at the folder around it.
        let isAround: Bool
    }

    /// Of a layer that is the `number`th of its kind.
    func place(of layer: Digest, kind: String, number: Int) -> Place? {
        if let part = parts.first(where: { $0.digest == layer }) { return Place(path: part.path, isAround: false) }
        let older = parts.filter { $0.kind == kind && $0.digest == nil }
        return number < older.count ? Place(path: older[number].path, isAround: true) : nil
    }

    /// The name of another ModelKit in the place of a model's own layer.
    func parent(having types: [String]) -> String? {
        let hasModel = types.contains { $0.contains(".modelkit.model.v1.") || $0.contains(".model.weight.v1.") }
        guard !hasModel, let path = modelPath, path.contains("/"), !path.utf8.starts(with: ".".utf8) else { return nil }
        return path
    }
}
