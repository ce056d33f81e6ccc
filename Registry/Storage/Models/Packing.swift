internal import Codec
internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// An object of the store as it lies now.
struct FoundObject: Sendable {
    let layer: Layer
    let path: String
    let start: UInt64
    let length: UInt64
    let transform: UInt8
    let base: Digest?
    /// It was made to be held, and lies nowhere else for long.
    let isMade: Bool
    private let device: UInt64
    private let inode: UInt64

    init(_ layer: Layer, in store: LocalStore) throws(CakeError) {
        let (object, _) = try store.openAnywhere(layer)
        let status = try object.file.status()
        self.layer = layer
        path = object.file.path
        start = object.start
        length = object.length
        transform = object.header.transform.rawValue
        base = object.header.base
        isMade = false
        (device, inode) = (status.device, status.inode)
    }

    /// One without a base, that the store does not have so.
    init(
        _ layer: Layer, inFile path: String, start: UInt64, length: UInt64, transform: UInt8, isMade: Bool
    ) throws(CakeError) {
        guard let status = try Disk.status(path) else { throw Packing.moved }
        (self.layer, self.path, self.start, self.length) = (layer, path, start, length)
        (self.transform, self.isMade, base) = (transform, isMade, nil)
        (device, inode) = (status.device, status.inode)
    }

    func isIn(_ status: Disk.Status) -> Bool { (status.device, status.inode) == (device, inode) }

    /// Its place as the registry remembers it.
    var place: IndexRecord.Place {
        let name = path.split(separator: "/").last.map(String.init) ?? ""
        return Layout.digest(in: name, suffix: Layout.packSuffix).map { .pack($0, offset: start) } ?? .alone
    }
}

/// How a model of the store lies in packs that nobody writes down: laid out as a push would, and hashed once.
struct Packing: Sendable {
    let index: PackIndex
    /// Those that no earlier index had.
    let new: [(digest: Digest, pack: HeldPack, objects: [FoundObject])]

    /// `earlier` are indexes of packs that are held, and of objects as the store has them now. `alone` go in the place of the
    /// store's own.
    init(
        _ layers: [Layer], of store: LocalStore, alone: [Digest: FoundObject], earlier: [PackIndex]
    ) throws(CakeError) {
        var found = alone
        for layer in layers where layer.size > 0 && alone[layer.digest] == nil {
            found[layer.digest] = try FoundObject(layer, in: store)
        }
        var (bases, seen) = ([Layer](), Set<Digest>())
        for layer in layers {
            guard let base = found[layer.digest]?.base, seen.insert(base).inserted else { continue }
            bases.append(Layer(digest: base, size: layer.size))
            if found[base] == nil { found[base] = try FoundObject(Layer(digest: base, size: layer.size), in: store) }
        }
        let plans = Plans(layers, bases, found, earlier) ?? Plans(layers, bases, found, [])
        guard let plans else {
            throw CakeError(.damaged, "a delta of the model has a base that is a delta itself", fix: "run cake verify")
        }
        let packs = plans.new.map { layers in layers.compactMap { found[$0.digest] } }
        let hashed = try Packing.hash(packs, of: store)
        new = packs.indices.compactMap { number in
            hashed[number].map { (digest: $0.digest, pack: $0.pack, objects: packs[number]) }
        }
        index = try Packing.index(plans, new)
    }

    private static func index(
        _ plans: Plans, _ new: [(digest: Digest, pack: HeldPack, objects: [FoundObject])]
    ) throws(CakeError) -> PackIndex {
        var packs: [PackIndex.Pack] = plans.reused
        var numbers: [Digest: Int] = [:]
        for (number, pack) in packs.enumerated() { numbers[pack.digest] = number }
        var members = plans.taken.compactMap { taken in
            numbers[taken.pack.digest].map { taken.member.moved(to: $0) }
        }
        for one in new {
            for (place, (object, found)) in zip(one.pack.extents, zip(one.pack.objects, one.objects)) {
                members.append(
                    PackIndex.Member(
                        layer: object.layer, stored: object.stored, length: object.length, offset: place.lowerBound,
                        pack: packs.count, transform: found.transform, base: found.base))
            }
            packs.append(PackIndex.Pack(digest: one.digest, size: one.pack.size))
        }
        return try PackIndex(packs: packs, members: members)
    }
}

/// The model's own packs, and those of bases that none of them has.
private struct Plans {
    private(set) var reused: [PackIndex.Pack]
    private(set) var taken: [PackPlan.Taken]
    private(set) var new: [[Layer]]

    /// Nil when an earlier index has a base as a delta: whoever wrote it knew the store as it was before.
    init?(_ layers: [Layer], _ bases: [Layer], _ found: [Digest: FoundObject], _ earlier: [PackIndex]) {
        let own = PackPlan(layers, earlier: earlier)
        var placed = Set(own.taken.map(\.member.layer.digest))
        for layers in own.new { placed.formUnion(layers.map(\.digest)) }
        let others = PackPlan(bases.filter { !placed.contains($0.digest) }, earlier: earlier)
        let known = Set(own.reused.map(\.digest))
        reused = own.reused + others.reused.filter { !known.contains($0.digest) }
        taken = own.taken + others.taken.filter { !placed.contains($0.member.layer.digest) }
        new = own.new + others.new
        var alone = Set(taken.filter { $0.member.base == nil }.map(\.member.layer.digest))
        for layers in new { for layer in layers where found[layer.digest]?.base == nil { alone.insert(layer.digest) } }
        let needed = taken.compactMap(\.member.base) + new.flatMap { $0.compactMap { found[$0.digest]?.base } }
        guard needed.allSatisfy(alone.contains) else { return nil }
    }
}

extension PackIndex.Member {
    func moved(to pack: Int) -> PackIndex.Member {
        PackIndex.Member(
            layer: layer, stored: stored, length: length, offset: offset, pack: pack, transform: transform, base: base)
    }
}

private struct HashedPack: Sendable {
    let digest: Digest
    let pack: HeldPack
}

extension Packing {
    /// On all processors, a pack on each.
    private static func hash(
        _ packs: [[FoundObject]], of store: LocalStore
    ) throws(CakeError) -> [Int: HashedPack] {
        let results = Results()
        try BlockingPool.forEach(packs) { number, objects throws(CakeError) in
            let pack = try hash(objects, of: store)
            results.packs.withLock { $0[number] = pack }
        }
        return results.packs.withLock { $0 }
    }

    private final class Results: Sendable {
        let packs = Mutex<[Int: HashedPack]>([:])
    }

    /// The objects' bytes are read once from the disk: for the pack's name, for their own, and to be decoded, since a digest
    /// of rotten bytes would be believed from then on.
    private static func hash(_ objects: [FoundObject], of store: LocalStore) throws(CakeError) -> HashedPack {
        let chunk = Chunk(capacity: 1 << 20)
        var whole = SHA256()
        var held: [HeldPack.Object] = []
        var last: (path: String, file: File)?
        for object in objects {
            let file: File
            if let last, last.path == object.path { file = last.file } else { file = try File(object.path, .read) }
            last = (object.path, file)
            guard object.isIn(try file.status()) else { throw Packing.moved }
            var own = SHA256()
            let bytes = PlainBytes(file: file, start: object.start, count: object.length)
            try bytes.forEachChunk(through: chunk) { _, bytes in SHA256.update(&own, &whole, bytes) }
            try store.prove(object.layer)
            held.append(
                HeldPack.Object(
                    layer: object.layer, stored: own.finish(), length: object.length, place: object.place))
        }
        return HashedPack(digest: whole.finish(), pack: HeldPack(held))
    }

    /// The store encoded something anew meanwhile: it is laid out again.
    static let moved = CakeError(.notFound, "the store has replaced an object")
}
