internal import Model
internal import Platform
internal import Remote
internal import Store

/// Finds where a Hub has the bytes of layers: in every model whose name remembers a commit of it.
struct RepairPlaces: Sendable {
    struct Place: Sendable {
        enum Bytes: Sendable {
            /// From a byte of a published file on.
            case published(HubFile, UInt64)
            /// What cake itself wrote: the header of a part.
            case made([UInt8])
        }

        let name: ModelName
        let path: FilePath
        let kind: Tensor.Kind?
        let bytes: Bytes
    }

    let source: HubSource
    let store: LocalStore

    /// And why none was found where that is not because no model has them.
    func callAsFunction(of wanted: Set<Digest>) async throws -> (
        places: [Digest: [Place]], problems: [Digest: CakeError]
    ) {
        var (places, problems): ([Digest: [Place]], [Digest: CakeError]) = ([:], [:])
        for named in try store.names() {
            guard let snapshot = RepairPlaces.snapshot(named.record),
                let manifest = try? store.manifest(named.record.manifest)
            else { continue }
            for file in manifest.files where file.segments.contains(where: { wanted.contains($0.layer.digest) }) {
                guard !named.record.isPartial || file.path.string != Pull.partName else {
                    do {
                        places.merge(try await self.places(ofPart: file, named.name, snapshot, wanted)) { $0 + $1 }
                    } catch let error as CakeError {
                        for segment in file.segments { problems[segment.layer.digest] = error }
                    }
                    continue
                }
                let listed = SnapshotFile(path: file.path, size: file.size, isLarge: true, sha256: file.digest)
                let remote = HubFile(listed, in: snapshot, from: source)
                for (segment, bytes) in zip(file.segments, file.extents)
                where wanted.contains(segment.layer.digest) {
                    places[segment.layer.digest, default: []].append(
                        Place(
                            name: named.name, path: file.path, kind: segment.tensor?.kind,
                            bytes: .published(remote, bytes.lowerBound)))
                }
            }
        }
        return (places, problems)
    }

    /// Nobody published that file: its tensors lie in others of the same commit, as their headers say.
    private func places(
        ofPart file: Manifest.File, _ name: ModelName, _ snapshot: Snapshot, _ wanted: Set<Digest>
    ) async throws -> [Digest: [Place]] {
        let reference = HubReference(snapshot.repository, revision: snapshot.commit, file: nil)
        let listing = try await source.snapshot(of: reference).files.filter { Segmentation.hasHeader($0.path) }
        var found: [Tensor: [(HubFile, UInt64)]] = [:]
        try await inOrder(listing.count, atOnce: ConnectionCount.atFirst, on: store.pool) { index in
            let remote = HubFile(listing[index], in: snapshot, from: source)
            return (remote, try await Segmentation.cuts(of: remote, most: 1).segmentation)
        } take: { _, seen in
            for cut in seen.1.cuts {
                if let tensor = cut.tensor { found[tensor, default: []].append((seen.0, cut.start)) }
            }
        }
        var places: [Digest: [Place]] = [:]
        for segment in file.segments where wanted.contains(segment.layer.digest) {
            let sources: [Place.Bytes]
            if let tensor = segment.tensor {
                sources = (found[tensor] ?? []).map { .published($0.0, $0.1) }
            } else {
                let shards = try Shards(Weights(of: [file]), limit: nil, metadata: [])
                sources = shards.files.first.map { [.made($0.header)] } ?? []
            }
            places[segment.layer.digest, default: []] += sources.map {
                Place(name: name, path: file.path, kind: segment.tensor?.kind, bytes: $0)
            }
        }
        return places
    }

    private static func snapshot(_ record: NameRecord) -> Snapshot? {
        guard let source = record.source, let commit = record.commit, source.utf8.starts(with: "hf://".utf8),
            case .hub(let reference) = try? Reference(source)
        else { return nil }
        return try? Snapshot(repository: reference.repository, revision: record.revision, commit: commit, files: [])
    }
}
