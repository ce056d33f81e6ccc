public import Model
internal import Platform

/// A base that no model names any more is kept alive by its deltas alone. One of them can take its place.
extension LocalStore {
    public struct Rebased: Sendable {
        /// Bases that are not needed any more.
        public var bases: Set<Digest> = []
        /// Deltas that were encoded anew.
        public var deltas = 0
        /// What it all takes less.
        public var bytes: UInt64 = 0

        public init() {}
    }

    /// Encodes deltas away from bases that only they keep, where that frees space. The bases go with the next collection.
    public func rebase(isDryRun: Bool) async throws -> Rebased {
        _ = try catalog.refresh(since: catalog.reading)
        var named: [Digest: (layer: Layer, kind: Tensor.Kind?)] = [:]
        func add(_ manifest: Manifest) {
            for segment in manifest.segments { named[segment.layer.digest] = (segment.layer, segment.tensor?.kind) }
        }
        let names = try names()
        for one in names { add(try manifest(one.record.manifest)) }
        let oldest = Machine.now - Int(LocalStore.usualGrace.components.seconds)
        for digest in replacedManifests(since: oldest, names) {
            // A collection keeps nothing of an earlier version that cannot be read.
            if let manifest = try? manifest(digest) { add(manifest) }
        }
        let operation = try Operation(self)
        var rebased = Rebased()
        for (base, deltas) in try BaseUses(of: self).deltas.sorted(by: { $0.key < $1.key }) where named[base] == nil {
            try Task.checkCancellation()
            // The others go with the next collection.
            let needed = deltas.sorted().compactMap { named[$0] }
            guard let heir = needed.first else { continue }
            let group = Group(
                base: Layer(digest: base, size: heir.layer.size), kind: heir.kind, deltas: needed.map(\.layer))
            do {
                guard let freed = try await rebase(group, in: operation, isDryRun: isDryRun) else { continue }
                rebased.bases.insert(base)
                rebased.deltas += needed.count
                rebased.bytes += freed
            } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
                // As long as something cannot be read, all of it stays.
            }
        }
        return rebased
    }

    private struct Group {
        let base: Layer
        let kind: Tensor.Kind?
        /// The first of them takes the base's place.
        let deltas: [Layer]
    }

    /// Returns what that frees; nil where it would not.
    private func rebase(_ group: Group, in operation: Operation, isDryRun: Bool) async throws -> UInt64? {
        let heir = group.deltas[0]
        guard try operation.hold([group.base] + group.deltas).count == group.deltas.count + 1,
            let old = try locate(group.base)?.length
        else { return nil }
        var before = old
        var after: UInt64 = 0
        for (index, delta) in group.deltas.enumerated() {
            let length = try locate(delta)?.length ?? 0
            before += length
            guard index > 0 else { continue }
            let plain = PlainBytes(delta, in: LayerReader(self))
            let beside = try costs(of: plain, group.kind?.dtype, beside: [group.base, heir])
            // Beyond that it would stand alone.
            let growth = min(16, Double(beside[1]) / Double(max(1, beside[0])))
            after += min(delta.size, UInt64(Double(length) * growth))
        }
        let plain = PlainBytes(heir, in: LayerReader(self))
        let written = try await writeAnew(heir, plain, group.kind, beside: nil, in: operation)
        after += written.length
        guard after < before, !isDryRun else {
            try written.discard()
            return after < before ? before - after : nil
        }
        try operation.add(written)
        try operation.publishReencoded()
        for delta in group.deltas.dropFirst() {
            let plain = PlainBytes(delta, in: LayerReader(self))
            let base = try chooseBase(for: delta, plain, group.kind?.dtype, among: [heir], in: operation)
            try operation.add(try await writeAnew(delta, plain, group.kind, beside: base, in: operation))
        }
        try operation.publishReencoded()
        return before - after
    }
}
