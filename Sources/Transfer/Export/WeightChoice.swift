public import Model
internal import Platform
public import Store

/// The part of a model that is written in another form than its own files.
public struct WeightChoice: Sendable {
    public let files: WeightFiles
    public let weights: Weights
    /// All of the model's tensors, under their own names.
    public let isWhole: Bool
    let store: LocalStore

    public init(
        _ files: [Manifest.File], _ selection: TensorSelection, _ renaming: Renaming, from store: LocalStore
    ) throws(CakeError) {
        let reader = LayerReader(store)
        var indexes: [FilePath: [UInt8]] = [:]
        for file in WeightFiles.indexes(of: files) {
            indexes[file.path] = try reader.bytes(of: file, limit: Safetensors.maximumHeaderSize)
        }
        self.files = try WeightFiles(of: files, indexes: indexes)
        let all = try Weights(of: self.files.weights)
        weights = try all.chosen(by: selection, renaming: renaming)
        isWhole = weights == all
        self.store = store
    }

    /// Configuration, tokenizer and other files, without the index of files that are not written.
    public var companions: [Manifest.File] {
        let indexes = Set(WeightFiles.indexes(of: files.weights + files.companions).map(\.path))
        return files.companions.filter { !indexes.contains($0.path) }
    }

    public func facts(hasJoinedStorages: Bool, isStreamed: Bool) throws(CakeError) -> ArchiveFacts {
        let tied = try tied()
        return isWhole
            ? try ArchiveFacts(files, tied: tied, hasJoinedStorages: hasJoinedStorages, isStreamed: isStreamed)
            : try ArchiveFacts(
                weights, companions: companions, tied: tied, hasJoinedStorages: hasJoinedStorages,
                isStreamed: isStreamed)
    }

    /// Layers that several tensors share because they are tied. A tensor of one repeated number is not tied: many begin
    /// training that way, they are equal by chance, and training one must not change the other.
    private func tied() throws(CakeError) -> Set<Digest> {
        let reader = LayerReader(store)
        var tied: Set<Digest> = []
        // Missing layers are refused later, by name.
        for layer in weights.repeated where try store.contains(layer) {
            let chunk = try reader.piece(0, of: layer)
            defer { reader.giveBack(chunk) }
            if !chunk.withBytes(WeightChoice.isUniform) { tied.insert(layer.digest) }
        }
        return tied
    }

    /// Whether the same eight bytes come again and again: one number, however wide it is.
    private static func isUniform(_ bytes: Span<UInt8>) -> Bool {
        let width = 8
        guard bytes.count > width else { return true }
        for index in width..<bytes.count where bytes[index] != bytes[index - width] { return false }
        return true
    }

    /// The name of a layer for a person.
    func names() -> @Sendable (Layer) -> String {
        var names: [Digest: String] = [:]
        for file in files.weights + files.companions {
            for segment in file.segments where segment.tensor == nil {
                names[segment.layer.digest] = file.path.description
            }
        }
        for entry in weights.entries.reversed() {
            names[entry.layer.digest] = "tensor \(entry.tensor.name.printable)"
        }
        let found = names
        return { layer in found[layer.digest] ?? "layer \(layer.digest.short)" }
    }
}
