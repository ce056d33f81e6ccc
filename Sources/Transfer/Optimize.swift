public import Model
internal import Platform
public import Store

/// Stores models anew where they take less that way: around a better base, as deltas of bases that came later, or in forms
/// that an older cake did not know. Killed, it leaves each object as it was or as it is to be, and the next run goes on.
public struct Optimize: Sendable {
    public struct Report: Sendable {
        public var layers = 0
        /// Of these, encoded anew.
        public var recoded = 0
        /// Tensors that have another base than before, in all models that share it.
        public var newBases = 0
        public var before: UInt64 = 0
        public var after: UInt64 = 0
        /// Layers that are not as they should be, and were left alone.
        public var damaged = 0
        /// Why models here were not looked at as bases.
        public internal(set) var baseTroubles: [CakeError] = []

        public init() {}
    }

    private let store: LocalStore
    private let progress: Progress
    private let isDryRun: Bool
    private let troubles = BaseTroubles()

    /// Published in steps of this size, so that a long run keeps what it has done when it is killed.
    private static let publishStep: UInt64 = 256 << 20

    public init(_ store: LocalStore, progress: Progress, isDryRun: Bool) {
        self.store = store
        self.progress = progress
        self.isDryRun = isDryRun
    }

    private struct Work {
        let files: [Manifest.File]
        let digest: Digest
        let declared: String?
        let isOpen: Bool
        let time: Int
    }

    public func callAsFunction(_ models: [LocalStore.Named]) async throws -> Report {
        let operation = try Operation(store)
        for model in models { try operation.hold(manifest: model.record.manifest) }
        // One that was collected before it was held is no work any more.
        let work = try work(on: models.filter { try !store.isGone($0) })
        var seen: Set<Digest> = []
        var report = Report()
        let settled = try await regroup(work, &report)
        progress.begin("re-encoding")
        do {
            for one in work {
                let offers = offers(one, declared: one.declared)
                for (number, file) in one.files.enumerated() {
                    for (cut, segment) in file.segments.enumerated() where seen.insert(segment.layer.digest).inserted {
                        try Task.checkCancellation()
                        if settled[segment.layer.digest] == nil {
                            try await reencode(
                                segment, bases: offers.layers(file: number, cut: cut), operation, &report)
                        } else {
                            report.layers += 1
                        }
                        progress.did(bytes: segment.layer.size)
                        progress.finished()
                        if operation.pendingBytes >= Optimize.publishStep { try operation.publishReencoded() }
                    }
                }
            }
        } catch is CancellationError {
            try operation.publishReencoded()
            throw CancellationError()
        }
        progress.begin("publishing")
        try operation.publishReencoded()
        // Layers of other models that share a base with these.
        report.layers += settled.count { $0.value && !seen.contains($0.key) }
        report.baseTroubles = troubles.all
        return report
    }

    /// Families of layers come first, since a layer that is a base stays plain. Returns the members of those that were stored
    /// anew, and whether each was itself.
    private func regroup(_ work: [Work], _ report: inout Report) async throws -> [Digest: Bool] {
        progress.begin("comparing bases")
        var regrouping = try Regrouping(store, isDryRun: isDryRun)
        try noteNamed(in: &regrouping)
        do {
            for one in work {
                let offers = offers(one, declared: nil)
                for (number, file) in one.files.enumerated() {
                    for (cut, segment) in file.segments.enumerated()
                    where segment.tensor != nil && segment.layer.size > 0 && !regrouping.hasSeen(segment.layer) {
                        try Task.checkCancellation()
                        try await regrouping.look(at: segment.layer, among: offers.layers(file: number, cut: cut))
                    }
                }
            }
        } catch is CancellationError {
            try regrouping.publish()
            throw CancellationError()
        }
        try regrouping.publish()
        report.newBases = regrouping.gain.families
        report.before = regrouping.gain.before
        report.after = regrouping.gain.after
        report.recoded = regrouping.settled.count { $0.value }
        return regrouping.settled
    }

    private func noteNamed(in regrouping: inout Regrouping) throws(CakeError) {
        let reader = LayerReader(store)
        for named in try store.names() {
            guard let manifest = try? store.manifest(named.record.manifest) else { continue }
            regrouping.note(
                manifest, isOpen: named.record.mark != .mirroredClosed,
                isTune: declaredBase(of: manifest, reader) != nil)
        }
    }

    private func offers(_ work: Work, declared: String?) -> BaseOffers {
        let bases = BaseCandidates(
            in: store, named: nil, declared: declared.map { [$0] } ?? [], besides: work.digest,
            mayBeClosed: !work.isOpen, telling: troubles)
        return BaseOffers(bases, for: work.files.map { Segmentation($0) }) { file, cut throws(CakeError) in
            let segment = work.files[file].segments[cut]
            guard let tensor = segment.tensor else { return nil }
            return try store.sketch(of: LocalStore.Sketched(segment.layer, tensor.dtype))
        }
    }

    private func reencode(
        _ segment: Manifest.Segment, bases: [Layer], _ operation: Operation, _ report: inout Report
    ) async throws {
        report.layers += 1
        do {
            guard
                let recoded = try await store.reencode(
                    segment.layer, kind: segment.tensor?.kind, bases: bases, in: operation, isDryRun: isDryRun)
            else { return }
            report.recoded += 1
            report.before += recoded.before
            report.after += recoded.after
        } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
            report.damaged += 1
        }
    }

    /// Those first that say what they were made from, then the newest: what others were made from is likely to be old, and
    /// stays alone.
    private func work(on models: [LocalStore.Named]) throws -> [Work] {
        var work: [Work] = []
        var seen: Set<Digest> = []
        var expected: Set<Digest> = []
        let reader = LayerReader(store)
        for model in models where seen.insert(model.record.manifest).inserted {
            let manifest = try store.manifest(model.record.manifest)
            work.append(
                Work(
                    files: manifest.files, digest: model.record.manifest, declared: declaredBase(of: manifest, reader),
                    isOpen: model.record.mark != .mirroredClosed, time: model.record.time ?? 0))
            let new = manifest.layers.filter { expected.insert($0.digest).inserted }
            progress.expect(bytes: new.reduce(0) { $0 + $1.size }, items: UInt64(new.count))
        }
        return work.sorted { one, other in
            let (isTune, isOtherTune) = (one.declared != nil, other.declared != nil)
            return isTune != isOtherTune ? isTune : one.time > other.time
        }
    }

    private func declaredBase(of manifest: Manifest, _ reader: LayerReader) -> String? {
        func small(_ path: String) -> [UInt8]? {
            manifest.file(at: path).flatMap { try? reader.bytes(of: $0, limit: 1 << 20) }
        }
        let adapter = small("adapter_config.json").flatMap { bytes in try? JSONValue(parsing: bytes.span) }
        let card = small(ModelCard.fileName)
        return Facts.baseModel(adapterConfig: adapter, card: card?.span)
    }
}
