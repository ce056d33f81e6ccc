public import Model
internal import Platform
public import Store

/// Downloads damaged or missing layers, and nothing else, from where their models came from.
public struct Repair: Sendable {
    public enum Outcome: Sendable {
        case mended(from: ModelName)
        /// It was a delta of a layer that is whole again.
        case readable
        /// It was a base that no model has, and nothing is a delta of it any more.
        case unneeded
        case failed(CakeError)
    }

    private let sources: [any LayerSource]
    private let store: LocalStore
    private let progress: Progress

    public init(from sources: [any LayerSource], into store: LocalStore, progress: Progress) {
        self.sources = sources
        self.store = store
        self.progress = progress
    }

    /// The result for each, in order: bases first, because their deltas may then be right. `waiting` gets the name of a
    /// file that another process downloads.
    public func callAsFunction(
        _ damages: [Damage], waiting: @escaping @Sendable (String) -> Void
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

    /// Bases that were not found, but whose deltas were all repaired without them.
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
            // While a manifest cannot be read, its needs are not known.
            guard let manifest = try? store.manifest(digest) else { return [] }
            named.formUnion(manifest.layers.lazy.map(\.digest))
        }
        return idle.filter { !named.contains(damages[$0].layer.digest) }
    }

    private func bring(
        _ layers: [Layer], waiting: @escaping @Sendable (String) -> Void
    ) async throws -> [Outcome] {
        var outcomes: [Digest: Outcome] = [:]
        // Such a layer would count as here, from any source.
        let stuck = CakeError(
            .failed, "its object is here and cannot be read", fix: "check dmesg, and move the store to another disk")
        for layer in layers where try store.contains(layer) { outcomes[layer.digest] = .failed(stuck) }
        var left = layers.filter { outcomes[$0.digest] == nil }
        for source in sources where !left.isEmpty {
            // An operation of its own: it claims no layer that another source failed to get.
            let operation = try Operation(store)
            let came = try await source.bring(left, into: store, operation, progress, waiting: waiting)
            try operation.publish(telling: progress)
            outcomes.merge(came) { $1 }
            left = try left.filter { try !store.contains($0) }
        }
        for layer in left {
            if case .failed = outcomes[layer.digest] { continue }
            outcomes[layer.digest] = .failed(
                CakeError(.notFound, "no model that has it came from a Hub or a registry", fix: "import it again"))
        }
        // A layer that is here without a report came with another one.
        return layers.map { outcomes[$0.digest] ?? .readable }
    }
}
