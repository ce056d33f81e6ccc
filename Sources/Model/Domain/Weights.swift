/// The tensors of a model with their layers, each name once, in the order in which files have them.
public struct Weights: Hashable, Sendable {
    public struct Entry: Hashable, Sendable {
        public let tensor: Tensor
        public let layer: Layer

        public init(tensor: Tensor, layer: Layer) {
            self.tensor = tensor
            self.layer = layer
        }
    }

    public let entries: [Entry]

    public init(_ entries: [Entry]) throws(CakeError) {
        var names: Set<ExactText> = []
        var total = ByteTotal()
        for entry in entries {
            try total.add(entry.layer.size, of: "tensor \"\(entry.tensor.name.printable)\"")
            guard names.insert(entry.tensor.name).inserted else {
                throw CakeError(
                    .failed, "two tensors are named \"\(entry.tensor.name.printable)\"",
                    fix: "choose files with --include")
            }
            guard entry.tensor.byteCount == entry.layer.size else {
                throw CakeError(
                    .damaged, "tensor \"\(entry.tensor.name.printable)\" does not have the size of its layer")
            }
        }
        self.entries = entries
    }

    public init(of files: [Manifest.File]) throws(CakeError) {
        try self.init(
            files.flatMap(\.segments).compactMap { segment in
                segment.tensor.map { Entry(tensor: $0, layer: segment.layer) }
            })
    }

    /// Those that are meant, under their new names.
    public func chosen(by selection: TensorSelection, renaming: Renaming) throws(CakeError) -> Weights {
        let meant = entries.filter { selection.matches($0.tensor.name) }
        guard !meant.isEmpty || entries.isEmpty else {
            throw CakeError(
                .notFound, "none of the \(entries.count) tensors matches",
                fix: "cake inspect NAME --tensors lists their names; * also matches dots")
        }
        var result: [Entry] = []
        for entry in meant {
            let name = renaming.name(for: entry.tensor.name)
            let tensor = Tensor(name: name, dtype: entry.tensor.dtype, shape: entry.tensor.shape)
            result.append(Entry(tensor: tensor, layer: entry.layer))
        }
        return try Weights(result)
    }

    /// Layers that more than one tensor has.
    public var repeated: [Layer] {
        var seen: Set<Digest> = []
        var found: Set<Digest> = []
        return entries.compactMap { entry in
            let layer = entry.layer
            guard layer.size > 0, !seen.insert(layer.digest).inserted, found.insert(layer.digest).inserted else {
                return nil
            }
            return layer
        }
    }

    public var size: UInt64 { entries.reduce(0) { $0.clampedSum($1.layer.size) } }
}
