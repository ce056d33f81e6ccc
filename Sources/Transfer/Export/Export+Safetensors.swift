public import Model
internal import Platform
internal import Store

extension Export {
    /// Writes tensors as safetensors files, with the model's other files, into a folder; or only one file if `path` is
    /// its name.
    public func safetensors(
        _ name: ModelName, _ digest: Digest, _ choice: WeightChoice, limit: UInt64?, to path: String
    ) async throws -> Report {
        let operation = try hold(digest)
        defer { withExtendedLifetime(operation) {} }
        let target = WeightChoice.isFile(path) ? try ExportTarget(file: path) : nil
        let shards = try choice.shards(limit: target == nil ? limit : nil)
        let companions = target == nil ? choice.companions : []
        let folder = try target?.folder ?? ExportFolder(path)
        var outputs = shards.files.map { Output($0, at: target?.name ?? $0.path) }
        if let index = shards.index { outputs.append(Output(try FilePath(ShardIndex.fileName), made: index)) }
        outputs += companions.map { Output($0) }
        try FilePath.refuseClashes(outputs.map(\.path))
        return try await write(outputs, of: name, to: folder, naming: choice.names())
    }
}

extension WeightChoice {
    /// Whether a path names a safetensors file, and not a folder for several.
    public static func isFile(_ path: String) -> Bool { path.lowercased().hasSuffix(".safetensors") }

    /// The files that the tensors make, with the metadata of the model's own files.
    public func shards(limit: UInt64?) throws(CakeError) -> Shards {
        let reader = LayerReader(store)
        var notes: [[Safetensors.Header.Note]] = []
        for file in files.weights {
            guard let segment = file.segments.first, segment.tensor == nil else { continue }
            let bytes = try reader.bytes(of: segment.layer, limit: Safetensors.maximumHeaderSize + 8)
            let json = bytes.span.extracting(min(8, bytes.count)..<bytes.count)
            notes.append(try Safetensors.Header(parsing: json, fileSize: file.size).metadata)
        }
        return try Shards(weights, limit: limit, metadata: Safetensors.Header.Note.merged(notes))
    }
}
