internal import Model
internal import Platform

/// A model as it will be in the storage: the files of the work store, and those of the same commit that are there.
struct BroughtModel: Sendable {
    /// As the storage has it.
    struct Old: Sendable {
        let record: NameRecord
        let artifact: ModelArtifact
        let manifest: Manifest
        let index: PackIndex
    }

    let manifest: Manifest
    /// Nil for another commit.
    let old: Old?
    /// Of what the name has there, whatever its commit.
    let index: PackIndex?
    private let new: NameRecord
    private let complete: [SnapshotFile]?

    init(_ files: Manifest, _ record: NameRecord, over old: Old?, complete: [SnapshotFile]?) throws(CakeError) {
        index = old?.index
        let old = old?.record.commit == record.commit ? old : nil
        var all = files.files
        let own = Set(all.map(\.path))
        all += old?.manifest.files.filter { !own.contains($0.path) } ?? []
        // An empty file is never downloaded.
        let paths = Set(all.map(\.path))
        for file in complete ?? [] where file.size == 0 && !paths.contains(file.path) {
            all.append(
                try Manifest.File(
                    path: file.path, digest: SHA256.digest(of: [UInt8]().span), size: 0, segments: []))
        }
        manifest = try Manifest(files: all)
        self.old = old
        new = record
        self.complete = complete
    }

    /// Whether the storage does not have all of it.
    var adds: Bool { old?.manifest.files != manifest.files }

    func record(_ digest: Digest) -> NameRecord {
        var record = new
        let missing = missingFiles
        record.manifest = digest
        record.missingFiles = missing
        record.etags.merge(old?.record.etags ?? [:]) { now, _ in now }
        if old?.record.mark == .mirroredClosed { record.mark = .mirroredClosed }
        return record
    }

    private var missingFiles: MissingFiles? {
        let here = Set(manifest.files.map(\.path.string))
        if let complete {
            let missing = complete.filter { !here.contains($0.path.string) }
            return MissingFiles(
                paths: missing.prefix(MissingFiles.mostPaths).map(\.path.string), count: missing.count,
                bytes: missing.reduce(0) { $0.clampedSum($1.size) })
        }
        guard let known = new.missingFiles else { return nil }
        let missing = known.paths.filter { !here.contains($0) }
        return MissingFiles(
            paths: missing.isEmpty && known.count > known.paths.count ? Array(known.paths.prefix(1)) : missing,
            count: known.count - (known.paths.count - missing.count), bytes: known.bytes)
    }
}
