/// A ModelPack artifact of the CNCF: each file of a model is a layer as it is.
public enum ModelPackShape {
    public static let artifactType = "application/vnd.cncf.model.manifest.v1+json"
    public static let configType = "application/vnd.cncf.model.config.v1+json"
    public static let pathKey = "org.cncf.model.filepath"
    private static let titleKey = "org.opencontainers.image.title"

    /// `hash` is a SHA-256.
    public static func model(
        _ manifest: Manifest, _ facts: ModelPackFacts, hash: ([UInt8]) -> Digest
    ) throws(CakeError) -> ShapedModel {
        let files = ordered(manifest.files)
        guard !files.isEmpty else {
            throw CakeError(.failed, "the model has no files, and a ModelPack artifact has at least one")
        }
        let layers = files.map { file in
            let type = ModelPackFile(file.path).mediaType
            return ShapedModel.Blob(
                Descriptor(mediaType: type, name: BlobName(file.digest), size: file.size), BlobPlan([.file(file)]))
        }
        let text = facts.config(of: files)
        let config = ShapedModel.Blob(bytes: text, type: configType, hash(text))
        let named = zip(files, layers).map { file, layer in
            var object = layer.descriptor.json
            let path = JSONValue.string(file.path.string)
            object.append(
                "annotations",
                .object(
                    JSONObject([
                        .init(key: pathKey, value: path), .init(key: titleKey, value: path),
                    ])))
            return JSONValue.object(object)
        }
        let document: JSONValue = [
            "schemaVersion": 2, "mediaType": .string(RegistryManifest.image),
            "artifactType": .string(artifactType), "config": .object(config.descriptor.json), "layers": .array(named),
        ]
        return try ShapedModel(.modelpack, manifest: document.bytes(.compact), config: config, layers: layers)
    }

    /// Weights first: safetensors before other formats, and the main ones before the same weights again.
    private static func ordered(_ files: [Manifest.File]) -> [Manifest.File] {
        let forms = WeightForms(files.map(\.path))
        func rank(_ file: Manifest.File) -> Int {
            switch ModelPackFile(file.path) {
            case .weight:
                2 * (ModelPackFile.WeightFormat(file.path)?.rawValue ?? 0) + (forms.isTaken(file.path) ? 0 : 1)
            case .configuration: 100
            case .documentation: 101
            case .code: 102
            }
        }
        return files.map { (rank($0), $0) }.sorted { ($0.0, $0.1.path) < ($1.0, $1.1.path) }.map(\.1)
    }
}
