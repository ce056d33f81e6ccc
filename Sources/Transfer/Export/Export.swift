public import Model
internal import Platform
public import Store

/// Writes a model's original files: rebuilt from layers, each compared with its SHA-256 as it is written. No file has
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

    /// `name` is for messages. The manifest is held while the files are written: a collection leaves it alone. Nil if
    /// the caller holds the needed layers. `signature` is one more file, beside the model's.
    public func callAsFunction(
        _ name: ModelName, _ digest: Digest?, _ files: [Manifest.File], signature: FoundSignature? = nil,
        to destination: String
    ) async throws -> Report {
        let operation = try digest.flatMap { digest throws(CakeError) in try hold(digest) }
        defer { withExtendedLifetime(operation) {} }
        let path = try FilePath(SignatureBundle.fileName)
        return try await write(
            files.map { Output($0) } + (signature.map { [Output(path, made: $0.bytes)] } ?? []), of: name,
            to: ExportFolder(destination), naming: ModelStream.names(of: files))
    }

    /// Nil if the store is not writable or the disk is full: reading continues without.
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
}
