internal import Model
internal import Platform

/// What each object takes on the disk, what it is a delta of, and which models have it: a row for each layer, found by one search. A store
/// may have a million layers.
struct UsageTable {
    struct Entry {
        fileprivate enum State: UInt8 {
            /// Something is a delta of it, and the index does not know it.
            case unseen
            case known
            /// The index has more than one opinion: it was encoded anew.
            case doubtful
        }

        fileprivate(set) var room: UInt64 = 0
        /// Another entry.
        fileprivate var base: Int32 = -1
        /// The number of the one model that has the layer.
        fileprivate var only: Int32 = Entry.uncounted
        /// The number of the last model that had it: a layer counts once in each.
        fileprivate var lastSeen: Int32 = -1
        fileprivate var state = State.unseen
        /// Whether a model has it, or it is only the base of what models have.
        fileprivate(set) var isNamed = false

        fileprivate static let uncounted: Int32 = -2
        fileprivate static let several: Int32 = -1

        /// Whether a model needs it.
        var isCounted: Bool { only != Entry.uncounted }
        /// Nil when several have it.
        var onlyModel: Int? { only >= 0 ? Int(only) : nil }
    }

    private let store: LocalStore
    private var rows: DigestRows
    /// By row.
    private(set) var entries: [Entry] = []

    /// All at once: to seek each layer in each file of the index would take longer than everything else.
    init(of store: LocalStore) throws(CakeError) {
        self.store = store
        let count = store.catalog.files.reduce(0) { $0 + $1.count }
        rows = DigestRows(minimumCapacity: count)
        entries.reserveCapacity(count)
        entries[row(of: .empty)].state = .known
        var records: [IndexRecord] = []
        records.reserveCapacity(UsageTable.atOnce)
        store.catalog.forEach { record in
            records.append(record)
            if records.count == UsageTable.atOnce { note(&records) }
        }
        note(&records)
    }

    private static let atOnce = 512

    private mutating func note(_ records: inout [IndexRecord]) {
        let layers = rows(of: records.map(\.layer.digest))
        var bases = rows(of: records.compactMap(\.base))[...]
        for (record, index) in zip(records, layers) {
            let base = record.base == nil ? -1 : Int32(bases.removeFirst())
            if entries[index].state != .unseen,
                (entries[index].room, entries[index].base) != (record.room, base)
            {
                entries[index].state = .doubtful
            } else if entries[index].state == .unseen {
                entries[index].state = .known
            }
            (entries[index].room, entries[index].base) = (record.room, base)
        }
        records.removeAll(keepingCapacity: true)
    }

    /// The entries of a manifest's layers, which then have their room.
    mutating func places(of layers: [Layer]) throws(CakeError) -> [Int] {
        let places = rows(of: layers.map(\.digest))
        for (place, layer) in zip(places, layers) where entries[place].state != .known { try settle(place, layer) }
        return places
    }

    private mutating func rows(of digests: [Digest]) -> [Int] {
        let known = rows.rows(of: digests)
        return zip(known, digests).map { row, digest in row ?? self.row(of: digest) }
    }

    /// The layer's entry, which then has its room: 0 where the object is missing.
    mutating func place(of layer: Layer) throws(CakeError) -> Int {
        let place = row(of: layer.digest)
        if entries[place].state != .known { try settle(place, layer) }
        return place
    }

    private mutating func row(of digest: Digest) -> Int {
        let (row, isNew) = rows.add(digest)
        if isNew { entries.append(Entry()) }
        return row
    }

    private mutating func settle(_ place: Int, _ layer: Layer) throws(CakeError) {
        let found = try store.find(layer)
        if let found {
            entries[place].room = found.location.room
        } else {
            // The index does not know it.
            entries[place].room = try Disk.status(store.layout.object(layer.digest))?.allocated ?? 0
        }
        var base: Int32 = -1
        if let digest = found?.base { base = Int32(row(of: digest)) }
        entries[place].base = base
        entries[place].state = .known
    }

    /// The entry of a delta's base.
    mutating func base(of place: Int, size: UInt64) throws(CakeError) -> Int? {
        let base = Int(entries[place].base)
        guard base >= 0 else { return nil }
        if entries[base].state != .known { try settle(base, Layer(digest: rows.digests[base], size: size)) }
        return base
    }

    /// Whether the model of that number has counted the layer as its own.
    func isNamed(_ place: Int, by model: Int) -> Bool {
        entries[place].lastSeen == model && entries[place].isNamed
    }

    /// Counts an object for a model; returns what it adds to the model.
    mutating func count(_ place: Int, for model: Int, isNamed: Bool) -> UInt64 {
        let number = Int32(truncatingIfNeeded: model)
        let isFirst = entries[place].lastSeen != number
        if entries[place].only == Entry.uncounted {
            entries[place].only = number
        } else if entries[place].only != number {
            entries[place].only = Entry.several
        }
        entries[place].lastSeen = number
        if isNamed { entries[place].isNamed = true }
        return isFirst ? entries[place].room : 0
    }

    /// What these objects and their bases take, each once, without those that models need.
    mutating func atRest(_ layers: [Layer]) throws(CakeError) -> UInt64 {
        var total: UInt64 = 0
        var seen: Set<Int> = []
        for layer in layers {
            let place = try place(of: layer)
            guard !entries[place].isCounted, seen.insert(place).inserted else { continue }
            total += entries[place].room
            guard let base = try base(of: place, size: layer.size), !entries[base].isCounted, seen.insert(base).inserted
            else { continue }
            total += entries[base].room
        }
        return total
    }
}

extension IndexRecord {
    /// What its object takes on the disk.
    fileprivate var room: UInt64 {
        switch place {
        case .alone: DiskRoom.blocks(storedLength)
        case .pack: storedLength
        }
    }
}
