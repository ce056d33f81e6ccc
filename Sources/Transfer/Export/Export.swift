public import Model
internal import Platform
public import Store

/// Gives a model's original files back: rebuilt from layers, each file's SHA-256 checked as it is written, and none under
/// its final name before all are right.
public struct Export: Sendable {
    public struct Report: Sendable {
        public let files: Int
        public let bytes: UInt64
        /// Files that lay there already, byte for byte.
        public let filesThere: Int
    }

    let store: LocalStore
    let progress: Progress
    /// Files of other content may be replaced.
    let isForced: Bool

    public init(from store: LocalStore, progress: Progress, isForced: Bool = false) {
        self.store = store
        self.progress = progress
        self.isForced = isForced
    }

    /// `name` is for messages. The manifest is held while the files are written, so that a collection leaves it alone; nil
    /// when the caller holds what is needed.
    public func callAsFunction(
        _ name: ModelName, _ digest: Digest?, _ files: [Manifest.File], to destination: String
    ) async throws -> Report {
        let operation = try digest.flatMap { digest throws(CakeError) in try hold(digest) }
        defer { withExtendedLifetime(operation) {} }
        let folder = try ExportFolder(destination)
        progress.expect(bytes: files.reduce(0) { $0 + $1.size }, items: UInt64(files.count))
        var wanted: [Manifest.File] = []
        for file in files {
            if try folder.isThere(file, mayReplace: isForced, progress: { progress.did(bytes: $0) }) {
                progress.knew(bytes: file.size)
                progress.finished()
            } else {
                wanted.append(file)
            }
        }
        // Also when nothing is to be written: one may have been killed after its last rename.
        try? folder.clear()
        let bytes = wanted.reduce(0) { $0 + $1.size }
        try folder.refuseIfTooSmall(for: bytes)
        if !wanted.isEmpty {
            try folder.begin()
            do {
                // A file is hashed and written on one core: the others want files of their own.
                let parts = wanted.indices.map(folder.part)
                let files = wanted
                try await inOrder(files.count, atOnce: BlockingPool.processors, on: store.pool) { index in
                    try await write(files[index], of: name, to: parts[index])
                } take: { _, _ in
                }
                try folder.publish(wanted.map(\.path))
            } catch {
                folder.discard()
                throw error
            }
        }
        return Report(files: wanted.count, bytes: bytes, filesThere: files.count - wanted.count)
    }

    /// Nil where the store cannot be written to, for want of leave or of room: reading goes on without.
    func hold(_ manifest: Digest) throws(CakeError) -> Operation? {
        guard store.isWritable else { return nil }
        do {
            let operation = try Operation(store)
            try operation.hold(manifest: manifest)
            return operation
        } catch {
            guard error.kind == .diskFull else { throw error }
            return nil
        }
    }

    /// The disk is set to work after this much, so that the sync at the end finds little left.
    private static let writeStep: UInt64 = 8 << 20

    func write(_ file: Manifest.File, of name: ModelName, to path: String) async throws {
        let target = try File(path, .create)
        try target.reserve(file.size)
        let reader = LayerReader(store)
        let pieces = Pieces(of: file.segments.map(\.layer))
        var hash = SHA256()
        var offset: UInt64 = 0
        var writing: UInt64 = 0
        do {
            try await inOrder(pieces.count, atOnce: 2 * BlockingPool.processors + 2, on: store.pool) { index in
                try Task.checkCancellation()
                return try pieces.read(index, with: reader)
            } take: { _, chunk in
                defer { reader.giveBack(chunk) }
                try chunk.withBytes { bytes throws(CakeError) in
                    hash.update(bytes)
                    try target.write(bytes, at: offset)
                }
                offset += UInt64(chunk.count)
                if offset - writing >= Export.writeStep {
                    target.startWriting(from: writing, count: offset - writing)
                    writing = offset
                }
                progress.did(bytes: UInt64(chunk.count))
            }
        } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
            throw try blame(file, of: name, otherwise: error)
        }
        let found = hash.finish()
        guard found == file.digest, offset == file.size else {
            let error = CakeError(
                .damaged,
                "\(file.path) was rebuilt to \(offset) bytes that hash to \(found.short), not \(file.digest.short)")
            throw try blame(file, of: name, otherwise: error)
        }
        progress.finished()
    }

    /// Finds which layers of a file are wrong, and sets them aside so that the next import or pull brings them again.
    private func blame(_ file: Manifest.File, of name: ModelName, otherwise error: CakeError) throws -> CakeError {
        progress.begin("looking for the damage in \(file.path)")
        let reader = LayerReader(store)
        var culprits: [String] = []
        var damaged: [Layer] = []
        var seen: Set<Digest> = []
        for segment in file.segments where seen.insert(segment.layer.digest).inserted {
            guard let damage = try store.check(segment.layer, with: reader, progress: { _ in }) else { continue }
            let what = segment.tensor.map { "tensor \($0.name.printable)" } ?? "layer \(segment.layer.digest.short)"
            culprits.append("\(what): \(damage.why)")
            if damage.kind == .wrong { damaged.append(damage.layer) }
        }
        guard !culprits.isEmpty else { return error.at(name.description) }
        try? store.setAside(damaged)
        let more = culprits.count > 3 ? " and \(culprits.count - 3) more" : ""
        return CakeError(
            .damaged, "\(name): \(file.path) cannot be rebuilt: \(culprits.prefix(3).joined(separator: "; "))\(more)",
            fix: "import or pull the model again: what is missing is brought, the rest stays")
    }
}
