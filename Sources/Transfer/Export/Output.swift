internal import Model
internal import Platform
internal import Store

/// A file that an export makes: bytes of its own, and layers after them.
struct Output: Sendable {
    let path: FilePath
    let made: [UInt8]
    let layers: [Layer]
    let size: UInt64
    /// The digests of its bytes, one run after the other.
    let runs: [(digest: Digest, count: UInt64)]

    /// A file of a model, at a path of its own or at another.
    init(_ file: Manifest.File, at path: FilePath? = nil) {
        self.path = path ?? file.path
        made = []
        layers = file.segments.map(\.layer)
        size = file.size
        runs = [(file.digest, file.size)]
    }

    init(_ shard: Shards.File, at path: FilePath) {
        self.init(path, made: shard.header, layers: shard.entries.map(\.layer))
    }

    init(_ path: FilePath, made: [UInt8], layers: [Layer] = []) {
        self.path = path
        self.made = made
        self.layers = layers
        size = layers.reduce(UInt64(made.count)) { $0 + $1.size }
        runs = [(SHA256.digest(of: made.span), UInt64(made.count))] + layers.map { ($0.digest, $0.size) }
    }
}

extension Export {
    /// Writes missing files: aside, checked layer by layer, synced, and named when all are right. Nothing is written if
    /// a layer is missing. `isThere` says which files exist.
    func write(
        _ outputs: [Output], of model: ModelName, to folder: ExportFolder,
        naming name: @escaping @Sendable (Layer) -> String, isThere: ((Output) throws -> Bool)? = nil
    ) async throws -> Report {
        progress.expect(bytes: outputs.reduce(0) { $0 + $1.size }, items: UInt64(outputs.count))
        var wanted: [Output] = []
        for output in outputs {
            if try isThere?(output) ?? self.isThere(output, in: folder) {
                progress.knew(bytes: output.size)
                progress.finished()
            } else {
                wanted.append(output)
            }
        }
        // Also when nothing is to be written: one may have been killed after its last rename.
        try? folder.clear()
        let bytes = wanted.reduce(0) { $0 + $1.size }
        let report = Report(files: wanted.count, bytes: bytes, filesThere: outputs.count - wanted.count)
        guard !wanted.isEmpty else { return report }
        let writer = LayerFileWriter(
            store: store, reader: LayerReader(store), progress: progress, model: model, name: name)
        try writer.refuseMissing(wanted.lazy.flatMap(\.layers))
        try folder.refuseIfTooSmall(for: bytes)
        try folder.begin()
        do {
            let parts = wanted.indices.map(folder.part)
            var items: [LayerFileWriter.Item] = []
            for (index, output) in wanted.enumerated() {
                let file = try File(parts[index], .create)
                try file.reserve(output.size)
                if !output.made.isEmpty { try file.write(output.made.span, at: 0) }
                try file.finish()
                let places = Extents(output.layers.lazy.map(\.size), from: UInt64(output.made.count))
                for (layer, place) in zip(output.layers, places) where layer.size > 0 {
                    items.append(LayerFileWriter.Item(layer: layer, file: index, offset: place.lowerBound))
                }
            }
            _ = try await writer(items, into: parts)
            try folder.publish(wanted.map(\.path))
        } catch {
            folder.discard()
            throw error
        }
        progress.finished(items: UInt64(wanted.count))
        return report
    }

    func isThere(_ output: Output, in folder: ExportFolder) throws -> Bool {
        try folder.isThere(output, mayReplace: isForced) { progress.did(bytes: $0) }
    }
}
