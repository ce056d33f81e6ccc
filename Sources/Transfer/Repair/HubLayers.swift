public import Model
internal import Platform
public import Remote
public import Store

/// Layers on a Hub: by ranges of files of every model whose name remembers its commit.
public struct HubLayers: LayerSource {
    fileprivate struct Origin: Sendable {
        enum Bytes: Sendable {
            /// From a byte of a published file on.
            case published(HubFile, UInt64)
            /// Bytes that cake made: the header of a part.
            case made([UInt8])
        }

        let name: ModelName
        let path: FilePath
        let kind: Tensor.Kind?
        let bytes: Bytes
    }

    private let source: HubSource
    private static let connections = 8

    public init(_ source: HubSource) { self.source = source }

    public func bring(
        _ layers: [Layer], into store: LocalStore, _ operation: Operation, _ progress: Progress,
        waiting: @escaping @Sendable (String) -> Void
    ) async throws -> [Digest: Repair.Outcome] {
        let (places, problems) = try await places(of: Set(layers.map(\.digest)), in: store)
        // A layer that no manifest names may claim any size.
        let known = layers.filter { places[$0.digest] != nil }
        progress.expect(bytes: known.reduce(0) { $0 + $1.size }, items: UInt64(known.count))
        let ingester = LayerIngester(store: store, operation: operation)
        var outcomes = problems.mapValues { Repair.Outcome.failed($0) }
        try await inOrder(known.count, atOnce: HubLayers.connections, on: store.pool) { index in
            try await bring(known[index], places[known[index].digest] ?? [], ingester, progress, waiting)
        } take: { index, outcome in
            outcomes[known[index].digest] = outcome
        }
        return outcomes
    }

    private func bring(
        _ layer: Layer, _ places: [Origin], _ ingester: LayerIngester, _ progress: Progress,
        _ waiting: @escaping @Sendable (String) -> Void
    ) async throws -> Repair.Outcome? {
        var failure: CakeError?
        for place in places {
            do {
                // Under the layer's name: its own first byte is byte 0, in any file.
                let parts = try await Parts.take(ingester.store, key: layer.digest) {
                    waiting("layer \(layer.digest.short)")
                }
                try await fetch(layer, place, into: parts, progress)
                try await keep(layer, parts, place, ingester)
                // Before the layer is published: two repairs that wait for each other would never end.
                try parts.remove()
                progress.finished()
                return .mended(from: place.name)
            } catch let error as CakeError {
                failure = error
            }
        }
        return failure.map { .failed($0) }
    }

    private func fetch(_ layer: Layer, _ place: Origin, into parts: Parts, _ progress: Progress) async throws {
        let here = parts.runs.end(from: 0)
        guard here < layer.size else { return }
        switch place.bytes {
        case .made(let bytes):
            let part = try parts.part(at: here)
            defer { part.close() }
            try part.append(bytes.span.extracting(Int(here)..<bytes.count))
            progress.skipped(bytes: layer.size - here)
        case .published(let file, let start):
            _ = try await file.bring(start + here..<start + layer.size, into: parts, at: here) { bytes in
                progress.did(bytes: UInt64(bytes.count))
            }
        }
    }

    /// Bytes are believed only when they hash to the layer's name.
    private func keep(_ layer: Layer, _ parts: Parts, _ place: Origin, _ ingester: LayerIngester) async throws {
        do {
            let kept = try await ingester.layer(layer, kind: place.kind, parts.plain(0..<layer.size)) { _ in }
            try kept.pack(in: ingester.operation)
        } catch is LayerIngester.OtherBytes {
            try parts.remove()
            throw CakeError(
                .damaged, "\(place.path) of \(place.name) has other bytes at its place",
                fix: "cake pull \(place.name) downloads the present version")
        }
    }
}

/// Where a Hub has the bytes of layers.
extension HubLayers {
    /// And why none was found, if that is not because no model has them.
    fileprivate func places(of wanted: Set<Digest>, in store: LocalStore) async throws -> (
        places: [Digest: [Origin]], problems: [Digest: CakeError]
    ) {
        var (places, problems): ([Digest: [Origin]], [Digest: CakeError]) = ([:], [:])
        for named in try store.names() {
            guard let snapshot = HubLayers.snapshot(named.record),
                let manifest = try? store.manifest(named.record.manifest)
            else { continue }
            for file in manifest.files where file.segments.contains(where: { wanted.contains($0.layer.digest) }) {
                guard !named.record.isPartial || file.path.string != Pull.partName else {
                    do {
                        places.merge(try await self.places(ofPart: file, named.name, snapshot, wanted, on: store.pool))
                        { $0 + $1 }
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
                        Origin(
                            name: named.name, path: file.path, kind: segment.tensor?.kind,
                            bytes: .published(remote, bytes.lowerBound)))
                }
            }
        }
        return (places, problems)
    }

    /// A file that was not published: its tensors are in other files of the same commit, by their headers.
    private func places(
        ofPart file: Manifest.File, _ name: ModelName, _ snapshot: Snapshot, _ wanted: Set<Digest>,
        on pool: BlockingPool
    ) async throws -> [Digest: [Origin]] {
        let reference = HubReference(snapshot.repository, revision: snapshot.commit, file: nil)
        let listing = try await source.snapshot(of: reference).files.filter { Segmentation.hasHeader($0.path) }
        var found: [Tensor: [(HubFile, UInt64)]] = [:]
        try await inOrder(listing.count, atOnce: ConnectionCount.atFirst, on: pool) { index in
            let remote = HubFile(listing[index], in: snapshot, from: source)
            return (remote, try await Segmentation.cuts(of: remote, most: 1).segmentation)
        } take: { _, seen in
            for cut in seen.1.cuts {
                if let tensor = cut.tensor { found[tensor, default: []].append((seen.0, cut.start)) }
            }
        }
        var places: [Digest: [Origin]] = [:]
        for segment in file.segments where wanted.contains(segment.layer.digest) {
            let sources: [Origin.Bytes]
            if let tensor = segment.tensor {
                sources = (found[tensor] ?? []).map { .published($0.0, $0.1) }
            } else {
                let shards = try Shards(Weights(of: [file]), limit: nil, metadata: [])
                sources = shards.files.first.map { [.made($0.header)] } ?? []
            }
            places[segment.layer.digest, default: []] += sources.map {
                Origin(name: name, path: file.path, kind: segment.tensor?.kind, bytes: $0)
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
