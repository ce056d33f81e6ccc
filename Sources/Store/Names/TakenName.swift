public import Model
internal import Platform

/// A name moves to another model only if that comes from the same source, or on request. Every verb that gives a name
/// calls this.
extension LocalStore {
    /// Refuses when `record` leads to another model than `manifest`. `source` is where the new one comes from.
    public func refuseTaken(
        _ name: ModelName, _ record: NameRecord?, by manifest: Digest, from source: String?, fix: String
    ) throws(CakeError) {
        guard let record, record.manifest != manifest, !mayFollow(record, from: source) else { return }
        throw taken(name, record, fix: fix)
    }

    /// The same before anything was read of the new model: by paths and sizes of its files, and digests where they are known.
    /// What may be equal is let through.
    public func refuseTaken(
        _ name: ModelName, by files: [SnapshotFile], from source: String?, fix: String
    ) throws(CakeError) {
        // A damaged record is there to be replaced, and what cannot be read is no reason to keep others out.
        guard let record = (try? record(of: name)) ?? nil, !mayFollow(record, from: source) else { return }
        let wanted = Dictionary(files.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
        guard let known = try? manifest(record.manifest).files else { throw taken(name, record, fix: fix) }
        let isEqual =
            known.count == wanted.count
            && known.allSatisfy { file in
                guard let other = wanted[file.path], other.size == file.size else { return false }
                return other.sha256.map { $0 == file.digest } ?? true
            }
        if !isEqual { throw taken(name, record, fix: fix) }
    }

    /// Whether the name leads to a model from elsewhere, which what comes from `source` does not replace.
    public func isTaken(_ name: ModelName, from source: String?) -> Bool {
        (try? record(of: name)).flatMap(\.self).map { !mayFollow($0, from: source) } ?? false
    }

    /// A model from the same folder or repository is an update. What a mirror brought by itself may go at any time.
    private func mayFollow(_ record: NameRecord, from source: String?) -> Bool {
        record.mark != nil || source != nil && record.source == source
    }

    /// Says what is there: how large, which, since when, and where it came from.
    private func taken(_ name: ModelName, _ record: NameRecord, fix: String) -> CakeError {
        let size = (try? manifest(record.manifest).size).map { Quantities.bytes($0) + ", " } ?? ""
        let source = record.source.map { "from \(Printable.escape($0))" } ?? ""
        let isRemote = record.source.map { $0.hasPrefix("hf://") || RegistryReference.isPlace($0) } ?? false
        let verb = record.source == nil ? "stored" : isRemote ? "pulled" : "imported"
        let age = record.time.map { Quantities.age(.seconds(Machine.now - $0)) }
        let when = age.map { $0 == "just now" ? $0 : $0 + " ago" } ?? ""
        let how = [verb, when, source].filter { !$0.isEmpty }.joined(separator: " ")
        return CakeError(
            .failed, "\(name) is another model: \(size)id \(record.manifest.short), \(how)", fix: fix)
    }
}
