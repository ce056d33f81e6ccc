public import Model
internal import Platform

/// A base that no model has any more is kept by its deltas alone. Some of them can take its place.
extension Collected {
    /// Together with what encoding deltas anew frees.
    public mutating func add(_ rebased: LocalStore.Rebased) {
        layers += rebased.bases.count
        bytes += rebased.bytes
        keptBases -= min(keptBases, rebased.bases.count)
        untriedBases -= min(untriedBases, rebased.bases.count + rebased.withoutGain.count)
        keptBaseBytes -= min(keptBaseBytes, rebased.baseBytes)
    }
}

extension LocalStore {
    public struct Rebased: Sendable {
        /// Bases that are not needed any more.
        public var bases: Set<Digest> = []
        /// What these take.
        public var baseBytes: UInt64 = 0
        /// Deltas that were encoded anew.
        public var deltas = 0
        /// What it all takes less.
        public var bytes: UInt64 = 0
        /// Bases that would save nothing.
        public var withoutGain: Set<Digest> = []

        public init() {}
    }

    /// Encodes deltas away from bases that only they keep, where that frees space. The bases go with the next collection.
    public func rebase(isDryRun: Bool, grace: Duration = usualGrace) async throws -> Rebased {
        _ = try catalog.refresh(since: catalog.reading)
        var named: [Digest: Heir] = [:]
        func add(_ manifest: Manifest, isOpen: Bool) {
            for segment in manifest.segments {
                let wasOpen = named[segment.layer.digest]?.isOpen == true
                named[segment.layer.digest] = Heir(
                    layer: segment.layer, kind: segment.tensor?.kind, isOpen: isOpen || wasOpen)
            }
        }
        let names = try names()
        for one in names { add(try manifest(one.record.manifest), isOpen: one.record.mark != .mirroredClosed) }
        for digest in replacedManifests(since: Machine.now - Int(grace.components.seconds), names) {
            // A collection keeps nothing of an earlier version that cannot be read.
            if let manifest = try? manifest(digest) { add(manifest, isOpen: true) }
        }
        let operation = try Operation(self)
        var (rebased, batch) = (Rebased(), RegroupedBatch())
        let all = try BaseUses(of: self).deltas
        do {
            for (base, deltas) in all.sorted(by: { $0.key < $1.key }) where named[base] == nil {
                try Task.checkCancellation()
                // The others go with the next collection.
                let needed = deltas.sorted().compactMap { named[$0] }
                guard let layer = needed.first?.layer else { continue }
                do {
                    let base = Layer(digest: base, size: layer.size)
                    guard let made = try await rebase(needed, from: base, in: operation, &rebased) else { continue }
                    if isDryRun { try made.discard() } else { batch.add(made) }
                } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
                    // As long as something cannot be read, all of it stays.
                }
                if batch.isFull {
                    try batch.publish(in: operation)
                    batch = RegroupedBatch()
                }
            }
        } catch is CancellationError {
            try batch.publish(in: operation)
            throw CancellationError()
        }
        try batch.publish(in: operation)
        TriedBases(of: self).add(rebased.withoutGain, of: all, to: self)
        return rebased
    }

    /// A delta that may take the base's place.
    private struct Heir {
        let layer: Layer
        let kind: Tensor.Kind?
        /// Of a model that every client may have.
        let isOpen: Bool
    }

    /// So many deltas of one base are compared, to find those that take its place; of more, the first does.
    private static let mostCompared = 64

    /// Encodes the deltas aside. Nil when that would free nothing.
    private func rebase(
        _ deltas: [Heir], from base: Layer, in operation: Operation,
        _ rebased: inout Rebased
    ) async throws -> RegroupedBatch? {
        let layers = [base] + deltas.map(\.layer)
        guard try operation.hold(layers).count == layers.count, let old = try locate(base)?.room else { return nil }
        var family = Family(losingBase: true)
        for heir in deltas {
            let room = try locate(heir.layer)?.room ?? 0
            family.add(
                Family.Member(layer: heir.layer, kind: heir.kind, room: room),
                FamilyPlan.Member(isOpen: heir.isOpen))
        }
        var plan: [Int?]?
        if deltas.count <= LocalStore.mostCompared { plan = try family.plan(in: self) }
        let heir = deltas.firstIndex(where: \.isOpen) ?? 0
        let first = deltas.indices.map { $0 == heir ? nil : heir }
        var made = RegroupedBatch()
        let saved = try await made.encode(family, by: plan ?? first, Array(deltas.indices), in: self, operation)
        guard saved.after < old + saved.before else {
            try made.discard()
            rebased.withoutGain.insert(base.digest)
            return nil
        }
        rebased.bases.insert(base.digest)
        rebased.baseBytes += old
        rebased.deltas += deltas.count
        rebased.bytes += old + saved.before - saved.after
        return made
    }
}
