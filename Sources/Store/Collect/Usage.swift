public import Model

/// What each model takes on the disk, and what it shares: whole blocks of files that hold one object, and bytes of those in
/// packs.
public struct Usage: Sendable {
    public struct Model: Sendable {
        public internal(set) var named: LocalStore.Named
        public let files: Int
        public let tensors: Int
        public let parameters: UInt64
        /// Of its files.
        public let size: UInt64
        /// Of its layers in the store, and of those that some of them are deltas of.
        public let atRest: UInt64
        /// What its layers would take more if none were a delta, by what their bases take.
        public let spared: UInt64
        /// Of these, what no other name leads to: removing it would free so much.
        public let alone: UInt64
        /// It has no manifest yet: it is being pulled, or its pull was interrupted.
        public var isUnfinished = false
        public var shared: UInt64 { atRest - alone }
    }

    public private(set) var models: [Model]
    /// Models that were asked for besides, such as earlier versions of names.
    public let others: [Model]
    /// The bytes that the models' folders would take, each in full.
    public let size: UInt64
    /// Each layer once, plain.
    public let distinct: UInt64
    /// Of these, what lies in stores below.
    public let below: UInt64
    /// What all of them take at rest.
    public let atRest: UInt64
    /// What deltas took off, by what their bases take: tensors of a family compress alike.
    public let spared: UInt64
    /// Of what is at rest, layers that no model has any more and that others are deltas of.
    public let bases: UInt64
    /// What a collection keeps besides, for versions that names left a short time ago.
    public let replaced: UInt64
    public let layers: Int
    /// Names whose manifest cannot be read, and why.
    public let damaged: [(named: LocalStore.Named, error: CakeError)]

    /// Reads every manifest that has a name. What `others` take is not part of the sums.
    public init(of store: LocalStore, and others: [LocalStore.Named] = []) throws(CakeError) {
        let names = try store.names()
        var counts: [Digest: Int] = [:]
        for named in names { counts[named.record.manifest, default: 0] += 1 }
        let digests = counts.keys.sorted()
        var outlines = OutlinesAhead(of: digests, in: store)
        let table = try outlines.read { () throws(CakeError) in try UsageTable(of: store) }
        var tally = UsageTally(of: store, with: table)
        var found: [Result<UsageTally.Totals, CakeError>] = []
        for (number, digest) in digests.enumerated() {
            let outline = try outlines.next() ?? Result { () throws(CakeError) in try store.outline(of: digest) }
            found.append(
                Result { () throws(CakeError) in try tally.add(digest, outline.get(), number: number) })
        }
        replaced = try tally.atRest(Usage.replacedLayers(of: store, names))
        var (total, bases, layers) = (UInt64(0), UInt64(0), 0)
        var alone = [UInt64](repeating: 0, count: digests.count)
        for entry in tally.table.entries where entry.isCounted {
            total += entry.room
            if entry.isNamed { layers += 1 } else { bases += entry.room }
            if let only = entry.onlyModel { alone[only] += entry.room }
        }
        var totals: [Digest: UsageTally.Totals] = [:]
        var failures: [Digest: CakeError] = [:]
        for (digest, (result, alone)) in zip(digests, zip(found, alone)) {
            switch result {
            case .success(var one):
                one.alone += alone
                totals[digest] = one
            case .failure(let error): failures[digest] = error
            }
        }
        distinct = tally.distinct
        spared = tally.spared
        below = tally.below
        atRest = total
        self.bases = bases
        self.layers = layers
        models = names.compactMap { named in
            totals[named.record.manifest].map {
                Model(named, $0, isAlone: counts[named.record.manifest] == 1)
            }
        }
        size = models.reduce(0) { $0 + $1.size }
        damaged = names.compactMap { named in failures[named.record.manifest].map { (named, $0) } }
        var more: [Model] = []
        for (number, named) in others.enumerated() {
            var seen = tally
            let digest = named.record.manifest
            var totals = try seen.add(digest, store.outline(of: digest), number: digests.count + number)
            let known = tally.table.entries
            for (place, entry) in seen.table.entries.enumerated() where entry.isCounted {
                if place >= known.count || !known[place].isCounted { totals.alone += entry.room }
            }
            more.append(Model(named, totals, isAlone: true))
        }
        self.others = more
        tally.save()
    }

    /// Takes in the models of a store below whose names are not here. What they take is not this store's.
    mutating func add(_ other: Usage) {
        let known = Set((models.map(\.named) + damaged.map(\.named)).map(\.name))
        models += other.models.filter { !known.contains($0.named.name) }
    }

    private static func replacedLayers(of store: LocalStore, _ names: [LocalStore.Named]) -> [Layer] {
        store.readableLayers(of: store.replacedManifests(since: LocalStore.graceBegin, names))
    }
}

extension Usage.Model {
    init(_ pull: LocalStore.UnfinishedPull) {
        var record = NameRecord(manifest: .empty)
        record.time = pull.time
        record.source = pull.note.source
        self.init(
            named: LocalStore.Named(name: pull.note.name, record: record), files: 0, tensors: 0, parameters: 0,
            size: pull.note.bytes ?? 0, atRest: pull.bytes, spared: 0, alone: pull.bytes, isUnfinished: true)
    }

    fileprivate init(_ named: LocalStore.Named, _ totals: UsageTally.Totals, isAlone: Bool) {
        self.init(
            named: named, files: totals.files, tensors: totals.tensors, parameters: totals.parameters,
            size: totals.size, atRest: totals.atRest, spared: totals.spared, alone: isAlone ? totals.alone : 0)
    }
}
