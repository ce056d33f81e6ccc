internal import Model
internal import Platform
internal import Store

/// Giving an imported model its name.
extension Import {
    private static let advice = "choose another name, or use --force"

    /// Before anything is read.
    func refuseTaken(_ name: ModelName, _ files: [SnapshotFile], from origin: ModelOrigin) throws(CakeError) {
        guard !replacesName else { return }
        try store.refuseTaken(name, by: files, from: origin.source, fix: Import.advice)
        guard let record = (try? store.record(of: name)) ?? nil else { return }
        try refuseGoingBack(name, record, to: origin)
    }

    /// A cache may be older than a later pull.
    private func refuseGoingBack(_ name: ModelName, _ record: NameRecord, to origin: ModelOrigin) throws(CakeError) {
        guard let commit = origin.commit, let now = record.commit, now != commit, record.source == origin.source,
            record.earlierCommits.contains(commit)
        else { return }
        throw CakeError(
            .failed, "\(name) is at commit \(now.prefix(7)), which is newer than \(commit.prefix(7))",
            fix: Import.advice)
    }

    /// Publishes the layers, the manifest and then the name; of a dry run, nothing. Refuses before anything is published.
    func name(
        _ name: ModelName, _ brought: Manifest, from origin: ModelOrigin, in operation: Operation
    ) throws -> (manifest: Digest, stored: UInt64, replaced: Digest?) {
        let known = try? store.record(of: name)
        let isSame = origin.commit != nil && known?.commit == origin.commit && known?.source == origin.source
        // Files of the same commit that the name has already: importing some more of a model takes nothing away.
        let rest = isSame ? store.rest(of: known, at: origin.commit, without: brought.files) : []
        let manifest = rest.isEmpty ? brought : try Manifest(files: brought.files + rest)
        let digest = SHA256.digest(of: ManifestText.encode(manifest).span)
        try refuseTaken(name, known, by: digest, from: origin)
        guard !isDryRun else { return (digest, 0, nil) }
        progress.begin("finishing \(name)")
        let stored = try operation.publish(telling: progress)
        _ = try store.save(manifest, in: operation)
        let pointed = try store.point(
            name, to: digest, from: origin, expecting: rest.isEmpty ? .anything : .manifest(known?.manifest),
            by: .free, in: operation
        ) { old throws(CakeError) in
            try refuseTaken(name, old, by: digest, from: origin)
        } _: { record, old in
            if let old, old.manifest == digest {
                record.etags = old.etags
            } else if origin.commit == nil {
                record.etags = [:]
            }
            if !rest.contains(where: { $0.path.string == Pull.partName }) { record.missing = [] }
            // A person asked for it, so a mirror must not evict it.
            (record.proved, record.mark) = ([:], nil)
        }
        guard case .done(let before) = pointed else {
            throw CakeError(
                .locked, "another cake changed \(name) meanwhile", fix: "run it again: downloaded bytes are kept")
        }
        return (digest, stored, before.flatMap { $0.manifest == digest ? nil : $0.manifest })
    }

    private func refuseTaken(
        _ name: ModelName, _ record: NameRecord?, by manifest: Digest, from origin: ModelOrigin
    ) throws(CakeError) {
        guard !replacesName else { return }
        try store.refuseTaken(name, record, by: manifest, from: origin.source, fix: Import.advice)
        if let record { try refuseGoingBack(name, record, to: origin) }
    }
}

extension LocalStore {
    /// Files that a name has at a commit besides the new ones. Weights replace some files of a part.
    func rest(of record: NameRecord?, at commit: String?, without brought: [Manifest.File]) -> [Manifest.File] {
        guard let record, let commit, record.commit == commit, let files = try? manifest(record.manifest).files else {
            return []
        }
        let paths = Set(brought.map(\.path))
        let isCompleted = record.isPartial && brought.contains { Segmentation.hasHeader($0.path) }
        return files.filter { !paths.contains($0.path) && !(isCompleted && $0.path.string == Pull.partName) }
    }
}
