public import Model
internal import Platform
public import Remote
public import Store

/// Fetches damaged or missing layers, and nothing else, from where models that have them came from.
public struct Repair: Sendable {
    public enum Outcome: Sendable {
        case mended(from: ModelName)
        /// It was a delta of a layer that is whole again.
        case readable
        /// It was a base that no model has, and nothing is a delta of it any more.
        case unneeded
        case failed(CakeError)
    }

    private let source: HubSource
    private let store: LocalStore
    private let progress: Progress

    private static let connections = 8

    public init(from source: HubSource, into store: LocalStore, progress: Progress) {
        self.source = source
        self.store = store
        self.progress = progress
    }

    /// What became of each, in order: bases first, since what is a delta of them may need nothing more. `waiting` is told
    /// when another process is at one of them.
    public func callAsFunction(
        _ damages: [Damage], waiting: @escaping @Sendable (Layer) -> Void
    ) async throws -> [Outcome] {
        var outcomes = [Outcome](repeating: .readable, count: damages.count)
        func mend(_ places: [Int]) async throws {
            for (place, outcome) in zip(places, try await bring(places.map { damages[$0].layer }, waiting: waiting)) {
                outcomes[place] = outcome
            }
        }
        try await mend(damages.indices.filter { damages[$0].kind != .lostBase })
        let reader = LayerReader(store)
        try await mend(
            damages.indices.filter { place in
                try damages[place].kind == .lostBase
                    && store.check(damages[place].layer, with: reader, progress: { _ in }) != nil
            })
        for base in try idle(damages, outcomes) { outcomes[base] = .unneeded }
        return outcomes
    }

    /// Bases that could not be had, and whose deltas were all mended without them.
    private func idle(_ damages: [Damage], _ outcomes: [Outcome]) throws -> [Int] {
        func isOpen(_ place: Int) -> Bool { if case .failed = outcomes[place] { true } else { false } }
        let bases = Set(damages.compactMap { $0.base?.digest })
        let wanted = Set(damages.indices.filter(isOpen).compactMap { damages[$0].base?.digest })
        let idle = damages.indices.filter {
            isOpen($0) && bases.contains(damages[$0].layer.digest) && !wanted.contains(damages[$0].layer.digest)
        }
        guard !idle.isEmpty else { return [] }
        var named: Set<Digest> = []
        for digest in try store.manifestDigests() {
            // As long as a manifest cannot be read, nobody knows what it needs.
            guard let manifest = try? store.manifest(digest) else { return [] }
            named.formUnion(manifest.layers.lazy.map(\.digest))
        }
        return idle.filter { !named.contains(damages[$0].layer.digest) }
    }

    private func bring(
        _ layers: [Layer], waiting: @escaping @Sendable (Layer) -> Void
    ) async throws -> [Outcome] {
        let (places, problems) = try await RepairPlaces(source: source, store: store)(of: Set(layers.map(\.digest)))
        // A layer that no manifest names may claim any size.
        let known = layers.filter { places[$0.digest] != nil }
        progress.expect(bytes: known.reduce(0) { $0 + $1.size }, items: UInt64(known.count))
        let operation = try Operation(store)
        var outcomes: [Outcome] = []
        try await inOrder(layers.count, atOnce: Repair.connections, on: store.pool) { index in
            let digest = layers[index].digest
            return try await bring(layers[index], places[digest] ?? [], problems[digest], operation, waiting)
        } take: { _, found in
            outcomes.append(found)
        }
        try operation.publish(telling: progress)
        return outcomes
    }

    private func bring(
        _ layer: Layer, _ places: [RepairPlaces.Place], _ problem: CakeError?, _ operation: Operation,
        _ waiting: @escaping @Sendable (Layer) -> Void
    ) async throws -> Outcome {
        var failure =
            problem ?? CakeError(.notFound, "no model that has it came from the Hub", fix: "import it again")
        for place in places {
            do {
                // Under the layer's name: its own first byte is byte 0, whatever file it comes from.
                let parts = try await Parts.take(store, key: layer.digest) { waiting(layer) }
                try await fetch(layer, place, into: parts)
                try await store(layer, parts, place, operation)
                // Before the layer is published: two repairs that each hold what the other waits for would never end.
                try parts.remove()
                progress.finished()
                return .mended(from: place.name)
            } catch let error as CakeError {
                failure = error
            }
        }
        return .failed(failure)
    }

    private func fetch(_ layer: Layer, _ place: RepairPlaces.Place, into parts: Parts) async throws {
        let here = parts.runs.end(from: 0)
        guard here < layer.size else { return }
        let part = try parts.part(at: here)
        defer { part.close() }
        guard case .published(let file, let start) = place.bytes else {
            if case .made(let bytes) = place.bytes { try part.append(bytes.span.extracting(Int(here)..<bytes.count)) }
            return progress.skipped(bytes: layer.size - here)
        }
        _ = try await file.bring(start + here..<start + layer.size) { chunk, bytes in
            try chunk.withBytes { piece throws(CakeError) in try part.append(piece.extracting(first: bytes.count)) }
            progress.did(bytes: UInt64(bytes.count))
        }
    }

    /// Bytes are believed only when they hash to the layer's name.
    private func store(_ layer: Layer, _ parts: Parts, _ place: RepairPlaces.Place, _ operation: Operation) async throws
    {
        do {
            let kept = try await LayerIngester(store: store, operation: operation).layer(
                layer, kind: place.kind, parts.plain(0..<layer.size)
            ) { _ in }
            try kept.pack(in: operation)
        } catch is LayerIngester.OtherBytes {
            try parts.remove()
            throw CakeError(
                .damaged, "\(place.path) of \(place.name) has other bytes where it was",
                fix: "cake pull \(place.name) fetches what is published now")
        }
    }
}
