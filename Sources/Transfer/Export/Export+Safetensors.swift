public import Model
internal import Platform
internal import Store

extension Export {
    /// Writes tensors as safetensors files, and what goes along, into a folder; or one file alone when `path` is its name.
    public func safetensors(
        _ name: ModelName, _ digest: Digest, _ choice: WeightChoice, limit: UInt64?, to path: String
    ) async throws -> Report {
        let operation = try hold(digest)
        defer { withExtendedLifetime(operation) {} }
        let target = WeightChoice.isFile(path) ? try ExportTarget(file: path) : nil
        let shards = try choice.shards(limit: target == nil ? limit : nil)
        let companions = target == nil ? choice.companions : []
        let folder = try target?.folder ?? ExportFolder(path)
        var outputs = shards.files.map { shard in
            Output(path: target?.name ?? shard.path, size: shard.size, content: .shard(shard))
        }
        if let index = shards.index, let path = try? FilePath(ShardIndex.fileName) {
            outputs.append(Output(path: path, size: UInt64(index.count), content: .bytes(index)))
        }
        outputs += companions.map { Output(path: $0.path, size: $0.size, content: .file($0)) }
        try FilePath.refuseClashes(outputs.map(\.path))
        progress.expect(bytes: outputs.reduce(0) { $0 + $1.size }, items: UInt64(outputs.count))
        let placing = Placing(store: store, reader: LayerReader(store), progress: progress, name: choice.names())
        try placing.refuseMissing(shards.files.lazy.flatMap(\.entries).map(\.layer))
        try placing.refuseMissing(companions.lazy.flatMap(\.segments).map(\.layer))
        let wanted = try outputs.filter { output in
            let isThere = try folder.isThere(output, mayReplace: isForced) { progress.did(bytes: $0) }
            if isThere { progress.finished() }
            return !isThere
        }
        let bytes = wanted.reduce(0) { $0 + $1.size }
        try? folder.clear()
        try folder.refuseIfTooSmall(for: bytes)
        if !wanted.isEmpty {
            try folder.begin()
            do {
                try await write(wanted, of: name, into: folder, placing)
                try folder.publish(wanted.map(\.path))
            } catch {
                folder.discard()
                throw error
            }
        }
        return Report(files: wanted.count, bytes: bytes, filesThere: outputs.count - wanted.count)
    }

    /// A file that is to be written, and what it is made of.
    struct Output: Sendable {
        enum Content: Sendable {
            case shard(Shards.File)
            case file(Manifest.File)
            case bytes([UInt8])
        }

        let path: FilePath
        let size: UInt64
        let content: Content
    }

    private func write(
        _ outputs: [Output], of name: ModelName, into folder: ExportFolder, _ placing: Placing
    ) async throws {
        var files: [File] = []
        var items: [Placing.Item] = []
        for (index, output) in outputs.enumerated() {
            switch output.content {
            case .file(let file): try await write(file, of: name, to: folder.part(index))
            case .bytes(let bytes):
                try File(folder.part(index), .create).write(bytes.span, at: 0)
                progress.finished()
            case .shard(let shard):
                let file = try File(folder.part(index), .create)
                try file.reserve(shard.size)
                try file.write(shard.header.span, at: 0)
                var offset = UInt64(shard.header.count)
                for entry in shard.entries where entry.layer.size > 0 {
                    items.append(Placing.Item(layer: entry.layer, file: files.count, offset: offset))
                    offset += entry.layer.size
                }
                files.append(file)
            }
        }
        _ = try await placing(items, into: files)
        progress.finished(items: UInt64(files.count))
    }
}

extension WeightChoice {
    /// Whether a path names a safetensors file, and not a folder for several.
    public static func isFile(_ path: String) -> Bool { path.lowercased().hasSuffix(".safetensors") }

    /// The files that the tensors make, with what the model's own say of themselves.
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

extension ExportFolder {
    /// Whether a file of these bytes lies there already. Other content under its name is refused, or replaced later.
    func isThere(_ output: Export.Output, mayReplace: Bool, progress: (UInt64) -> Void) throws -> Bool {
        let runs: [(digest: Digest, count: UInt64)] =
            switch output.content {
            case .file(let file): [(file.digest, file.size)]
            case .bytes(let bytes): [(SHA256.digest(of: bytes.span), output.size)]
            case .shard(let shard):
                [(SHA256.digest(of: shard.header.span), UInt64(shard.header.count))]
                    + shard.entries.map { ($0.layer.digest, $0.layer.size) }
            }
        return try isThere(output.path, size: output.size, runs, mayReplace: mayReplace, progress: progress)
    }
}
