public import Model
internal import Platform
public import Store

/// Stores models anew where they take less that way: as deltas of bases that came later, or in forms that an older cake did
/// not know. Killed, it leaves each object as it was or as it is to be, and the next run goes on.
public struct Optimize: Sendable {
    public struct Report: Sendable {
        public var layers = 0
        /// Of these, encoded anew.
        public var recoded = 0
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
        let offers: BaseOffers
        let isDeclared: Bool
        let time: Int
    }

    public func callAsFunction(_ models: [LocalStore.Named]) async throws -> Report {
        let operation = try Operation(store)
        for model in models { try operation.hold(manifest: model.record.manifest) }
        // One that was collected before it was held is no work any more.
        let work = try work(on: models.filter { try !store.isGone($0) })
        var seen: Set<Digest> = []
        var report = Report()
        do {
            for one in work {
                for (number, file) in one.files.enumerated() {
                    for (cut, segment) in file.segments.enumerated() where seen.insert(segment.layer.digest).inserted {
                        try Task.checkCancellation()
                        try await reencode(
                            segment, bases: one.offers.layers(file: number, cut: cut), operation, &report)
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
        report.baseTroubles = troubles.all
        return report
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
            let declared = declaredBase(of: manifest, reader)
            let bases = BaseCandidates(
                in: store, named: nil, declared: declared.map { [$0] } ?? [], besides: model.record.manifest,
                mayBeClosed: model.record.mark == .mirroredClosed, telling: troubles)
            work.append(
                Work(
                    files: manifest.files, offers: BaseOffers(bases, for: manifest.files.map { Segmentation($0) }),
                    isDeclared: declared != nil, time: model.record.time ?? 0))
            let new = manifest.layers.filter { expected.insert($0.digest).inserted }
            progress.expect(bytes: new.reduce(0) { $0 + $1.size }, items: UInt64(new.count))
        }
        return work.sorted { one, other in
            one.isDeclared != other.isDeclared ? one.isDeclared : one.time > other.time
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
