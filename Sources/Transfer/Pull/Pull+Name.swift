internal import Model
internal import Platform
internal import Remote
internal import Store

/// Giving a pulled model its name.
extension Pull {
    func missingFiles(of manifest: Manifest) -> MissingFiles? {
        guard let complete = options.complete else { return nil }
        let here = Set(manifest.files.map(\.path))
        let missing = complete.filter { !here.contains($0.path) }
        return MissingFiles(
            paths: missing.prefix(MissingFiles.mostPaths).map(\.path.string), count: missing.count,
            bytes: missing.reduce(0) { $0.clampedSum($1.size) })
    }

    /// A pulled model has one name: the model that has it now needs another.
    static func advice(for name: ModelName) -> String {
        "cake tag \(name) OTHER-NAME keeps it; then use cake pull --force"
    }

    func point(
        _ name: ModelName, from expected: NameRecord?, to manifest: Digest, _ snapshot: Snapshot,
        _ selected: [SnapshotFile], _ saved: [Proof: UInt64], missing: [String]? = nil,
        without missingFiles: MissingFiles? = nil, by admission: Admission, in operation: Operation
    ) throws(CakeError) -> LocalStore.Pointed {
        let origin = ModelOrigin(
            snapshot.repository.description, revision: snapshot.revision ?? Revision.main, commit: snapshot.commit)
        return try store.point(
            name, to: manifest, from: origin, expecting: .manifest(expected?.manifest), by: admission,
            in: operation
        ) { old throws(CakeError) in
            guard !options.replacesName else { return }
            try store.refuseTaken(name, old, by: manifest, from: origin.source, fix: Pull.advice(for: name))
        } _: { record, old in
            // A person asked for it, so a mirror must not evict it.
            if old == nil || options.mark == nil { record.mark = options.mark }
            for file in selected { record.etags[file.path] = file.sha256?.hex ?? file.gitDigest?.hex }
            // Files without weights complete nothing.
            let isSame = old?.commit == snapshot.commit && !selected.contains { Segmentation.hasHeader($0.path) }
            record.missing = missing ?? (isSame ? record.missing : [])
            record.missingFiles = missingFiles
            record.proved = [:]
            for (proof, bytes) in saved where bytes > 0 { record.proved["\(proof)"] = bytes }
        }
    }
}
