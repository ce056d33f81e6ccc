internal import Model
internal import Platform
internal import Remote
internal import Store

/// Where Xet keeps the layers of models that are here: as it was written down when they came, else asked for now, from the
/// repository that a model came from or that it is said to be.
struct XetRecords: Sendable {
    let store: LocalStore
    let operation: Operation
    let hub: HubSource
    let source: XetSource
    /// The base models that the pulled repository declares.
    let declared: [String]
    private let listings = SharedValues<HubReference, Listing?>()

    init(
        store: LocalStore, operation: Operation, hub: HubSource, source: XetSource, declared: [String]
    ) {
        self.store = store
        self.operation = operation
        self.hub = hub
        self.source = source
        self.declared = declared
    }

    /// A repository at a commit, and its files by their SHA-256.
    private struct Listing: Sendable {
        let snapshot: Snapshot
        let files: [Digest: SnapshotFile]

        init(_ reference: HubReference, from hub: HubSource) async throws {
            snapshot = try await hub.snapshot(of: reference)
            files = Dictionary(
                snapshot.files.compactMap { file in file.sha256.map { ($0, file) } }, uniquingKeysWith: { $1 })
        }
    }

    /// Requested once for any number of files.
    private func listing(of reference: HubReference) async -> Listing? {
        let found = try? await listings.value(for: reference) {
            do {
                return try await Listing(reference, from: hub)
            } catch {
                try Task.checkCancellation()
                return nil
            }
        }
        return found ?? nil
    }

    /// By layer. After any failure, fewer are known.
    func coordinates(of models: [Digest]) async -> [Digest: [XetCoordinates]] {
        var places: [Digest: [XetCoordinates]] = [:]
        for model in models {
            var record = store.coordinates(of: model)
            if record == nil { record = await ask(about: model) }
            for entry in record?.entries ?? [] { places[entry.layer.digest, default: []].append(entry.coordinates) }
        }
        return places
    }

    /// The place of a layer in a file at Xet.
    struct LayerInFile: Sendable {
        let file: SnapshotFile
        let snapshot: Snapshot
        let start: UInt64
    }

    /// Of layers of models that are here, as far as the repositories that these came from still have them.
    func places(of layers: Set<Digest>, in models: [Digest]) async -> [Digest: LayerInFile] {
        var places: [Digest: LayerInFile] = [:]
        for model in models {
            guard !layers.isSubset(of: places.keys), let manifest = try? store.manifest(model) else { continue }
            for reference in references(to: model) {
                guard let listing = await listing(of: reference) else { continue }
                for file in manifest.files {
                    guard let same = listing.files[file.digest], same.xetHash != nil else { continue }
                    for (segment, bytes) in zip(file.segments, file.extents)
                    where layers.contains(segment.layer.digest) && places[segment.layer.digest] == nil {
                        places[segment.layer.digest] = LayerInFile(
                            file: same, snapshot: listing.snapshot, start: bytes.lowerBound)
                    }
                }
                if layers.isSubset(of: places.keys) { break }
            }
        }
        return places
    }

    private func ask(about model: Digest) async -> XetRecord? {
        guard let manifest = try? store.manifest(model) else { return nil }
        for reference in references(to: model) {
            guard let listing = await listing(of: reference) else { continue }
            let terms = XetTerms(source, of: listing.snapshot)
            var record = XetRecord()
            for file in manifest.files {
                guard let same = listing.files[file.digest], let found = await terms.terms(of: same) else { continue }
                record.add(file.segments.lazy.map(\.layer), of: found)
            }
            guard !record.entries.isEmpty else { continue }
            try? store.keep(record, of: model, in: operation)
            return record
        }
        return nil
    }

    private func references(to model: Digest) -> [HubReference] {
        var texts: [(text: String, revision: String?)] = []
        for named in (try? store.names()) ?? [] where named.record.manifest == model {
            if let source = named.record.source { texts.append((source, named.record.commit)) }
        }
        for base in declared { texts.append(("hf://" + base, nil)) }
        return texts.compactMap { text, revision in
            guard case .hub(let reference) = try? Reference(text) else { return nil }
            return HubReference(reference.repository, revision: revision ?? reference.revision)
        }
    }
}
