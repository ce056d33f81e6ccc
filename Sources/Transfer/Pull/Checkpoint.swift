internal import Model
internal import Store
internal import Synchronization

/// Files that are complete before the model is. Once their layers are published they are saved in a manifest without a
/// name: a killed pull finds them again, and their parts are removed to free space.
final class Checkpoint: Sendable {
    private struct State {
        var hashes: [PullWork.Hashes?]
        var done: [Int: Manifest.File] = [:]
        var manifest: Digest?
    }

    private let store: LocalStore
    private let operation: Operation
    private let files: [PullFile]
    private let state: Mutex<State>

    init(_ files: [PullFile], store: LocalStore, operation: Operation) {
        self.files = files
        self.store = store
        self.operation = operation
        state = Mutex(State(hashes: Array(repeating: nil, count: files.count)))
    }

    /// A file has been read from front to back.
    func note(_ hashes: PullWork.Hashes, of file: Int) { state.withLock { $0.hashes[file] = hashes } }

    /// Directly after publishing: files that match and have all their layers are settled.
    func settle() throws(CakeError) {
        let (hashes, done) = state.withLock { ($0.hashes, $0.done) }
        var settled = done
        for (number, file) in files.enumerated() where done[number] == nil {
            guard let found = hashes[number], found.isAsPublished(file.listed, announced: file.announced),
                file.isLayered
            else { continue }
            settled[number] = try file.described(digest: found.sha256)
        }
        guard settled.count > done.count else { return }
        let manifest = try store.save(try Manifest(files: Array(settled.values)), in: operation)
        try retire()
        state.withLock { state in
            state.done = settled
            state.manifest = manifest
        }
        for (number, file) in settled where done[number] == nil {
            files[number].wanted.reading?.hears(.stored(file, manifest: manifest))
            try files[number].fetching.discardParts()
        }
    }

    /// The manifest without a name is not needed any more: another manifest keeps its layers, or none does.
    func retire() throws(CakeError) {
        if let manifest = state.withLock({ $0.manifest }) { try store.retire(manifest) }
    }
}
