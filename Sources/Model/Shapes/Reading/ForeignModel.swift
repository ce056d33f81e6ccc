/// A model of another shape, from its manifest and its config: which layers hold which files. No layer is read.
public struct ForeignModel: Sendable {
    public let shape: ForeignShape
    public let layers: [ForeignLayer]
    public let facts: ForeignFacts
    /// Another ModelKit that holds the rest of the model.
    public let parent: String?

    /// A manifest has room for more; nobody's model needs them.
    public static let mostLayers = 10_000

    /// Nil for a manifest of another kind.
    public static func shape(of manifest: RegistryManifest) throws(CakeError) -> ForeignShape? {
        guard let config = manifest.config, let shape = ForeignShape(configType: config.mediaType) else { return nil }
        if let type = manifest.artifactType, !type.isEmpty, !shape.mayBe(type) {
            throw CakeError(
                .damaged,
                "the registry's manifest calls itself \(Printable.escape(type)), but has the config of a \(shape.words)"
            )
        }
        return shape
    }

    public init(
        _ manifest: RegistryManifest, of shape: ForeignShape, in bytes: Span<UInt8>, config: Span<UInt8>
    ) throws(CakeError) {
        self.shape = shape
        guard manifest.layers.count <= ForeignModel.mostLayers else {
            throw CakeError(
                .damaged,
                "the registry's manifest has \(manifest.layers.count) layers; the limit is \(ForeignModel.mostLayers)")
        }
        let notes = try ManifestNotes(parsing: bytes)
        let read = try ForeignConfig(config, of: shape, layers: manifest.layers.count)
        facts = read.facts
        let kitfile: Kitfile?
        if let text = notes.kitfile {
            kitfile = try Kitfile(JSONValue(parsing: Array(text.utf8).span))
        } else {
            kitfile = shape == .kit ? Kitfile(read.document) : nil
        }
        var names = ForeignNames(shape, kitfile: kitfile, types: manifest.layers.map(\.mediaType))
        var total = ByteTotal()
        var found: [ForeignLayer] = []
        for (number, listed) in manifest.layers.enumerated() {
            guard let digest = listed.name.sha256 else {
                throw CakeError(.damaged, "layer \(number + 1) is not named by a SHA-256", fix: "push it again")
            }
            guard !listed.isElsewhere else {
                throw CakeError(.damaged, "layer \(digest.short) is kept on another server, which cake does not ask")
            }
            try total.add(listed.size, of: "layer \(digest.short)")
            let path = number < notes.paths.count ? notes.paths[number] : nil
            guard let content = try names.content(listed, digest, path: path) else { continue }
            var layer = ForeignLayer(digest: digest, size: listed.size, content: content)
            layer.plainDigest = read.plainDigest(of: number, among: manifest.layers.count)
            if case .file = content { try ForeignModel.check(layer) }
            found.append(layer)
        }
        layers = found
        parent = kitfile?.parent(having: manifest.layers.map(\.mediaType))
        try FilePath.refuseClashes(files.map(\.path))
        try refuseOtherFormat(among: files.map(\.path))
        guard !layers.isEmpty else { throw CakeError(.damaged, "the \(shape.words) has no layers with files") }
    }

    /// A file that is stored as it is has the digest of its layer.
    private static func check(_ layer: ForeignLayer) throws(CakeError) {
        guard let plain = layer.plainDigest, plain != layer.digest else { return }
        throw CakeError(
            .damaged,
            "the config says that layer \(layer.digest.short) has the bytes of \(plain.short): manifest and config do not belong together"
        )
    }

    /// The files that are layers of their own.
    public var files: [SnapshotFile] {
        layers.compactMap { layer in
            guard case .file(let path) = layer.content else { return nil }
            return SnapshotFile(path: path, size: layer.size, sha256: layer.digest)
        }
    }

    /// Archives whose files are not known before they are read.
    public var archives: [ForeignLayer] { layers.filter(\.isArchive) }

    /// Of all layers.
    public var size: UInt64 { layers.reduce(0) { $0 + $1.size } }

    private static let weights = ["safetensors", "gguf"]

    /// Refuses a config that says safetensors of GGUF files, or the other way round.
    public func refuseOtherFormat(among paths: [FilePath]) throws(CakeError) {
        guard let format = facts.format?.lowercased(), ForeignModel.weights.contains(format) else { return }
        func has(_ format: String) -> Bool { paths.contains { $0.string.lowercased().hasSuffix("." + format) } }
        if let other = ForeignModel.weights.first(where: { $0 != format && has($0) }), !has(format) {
            throw CakeError(
                .damaged, "the config says that the weights are \(format), but the files are \(other)",
                fix: "ask who pushed it: manifest and config do not belong together")
        }
    }
}
