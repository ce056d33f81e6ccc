internal import Model
internal import Store

/// A file to be downloaded, and the knowledge about it so far.
struct WantedFile: Sendable {
    let listed: SnapshotFile
    /// The same file in a manifest here, of which layers may be missing.
    var known: Manifest.File?
    /// Another tool's copy may be taken for it.
    var mayCopy: Bool
    /// Layers that are here and cannot be read.
    var avoided: Set<Digest> = []
    /// The assumptions when its hash was last wrong; nil before that.
    var doubted: Evidence?
    /// How often its hash contradicted the assumptions.
    var contradictions = 0
    /// How often it came whole from the server and was wrong.
    var failures = 0
    /// Its readers during the download.
    var reading: ArrivingFile?
}

/// The wanted files, and which of them are here whole.
struct Inventory: Sendable {
    private(set) var known: [Manifest.File] = []
    private(set) var missing: [WantedFile] = []

    /// Layers that are here are held for the operation.
    init(
        _ listed: [SnapshotFile], store: LocalStore, operation: Operation, _ options: Pull.Options
    ) throws(CakeError) {
        guard !options.isForced else {
            missing = listed.map { WantedFile(listed: $0, mayCopy: false, reading: options.reading[$0.path]) }
            return
        }
        let proof = try KnownFileProof(store)
        var wanted: [WantedFile] = []
        for file in listed {
            wanted.append(
                WantedFile(
                    listed: file, known: try proof.find(file), mayCopy: true, reading: options.reading[file.path]))
        }
        let here = try operation.hold(wanted.lazy.compactMap(\.known).flatMap { $0.segments.lazy.map(\.layer) })
        for file in wanted {
            if let known = file.known, known.segments.allSatisfy({ here.contains($0.layer.digest) }) {
                self.known.append(known)
            } else {
                missing.append(file)
            }
        }
    }
}
