internal import Codec
internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// An object of the store in its present place.
struct FoundObject: Sendable {
    let layer: Layer
    let path: String
    let start: UInt64
    let length: UInt64
    let transform: UInt8
    let base: Digest?
    /// It was made to be held, and has no other place for long.
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

/// The packs of a model of the store, without writing them: arranged as a push would, and hashed once.
struct Packing: Sendable {
    let index: PackIndex
    /// Those that no earlier index had.
    let new: [New]

    struct New: Sendable {
        let digest: Digest
        let pack: HeldPack
        let objects: [FoundObject]
    }

    /// `earlier` are indexes of packs that are held, and of objects as the store has them now. `alone` go in the place of the
    /// store's own.
    init(
        _ layers: [Layer], of store: LocalStore, alone: [Digest: FoundObject], earlier: [PackIndex]
    ) throws(CakeError) {
        var found = alone
        for layer in layers where layer.size > 0 && alone[layer.digest] == nil {
            found[layer.digest] = try FoundObject(layer, in: store)
        }
        let bases = layers.bases { found[$0]?.base }
        for base in bases where found[base.digest] == nil { found[base.digest] = try FoundObject(base, in: store) }
        // An earlier index may have a base as a delta, from a store as it was before.
        let plans = [earlier, []].lazy.map { PackPlan(layers, completedBy: bases, earlier: $0) }
        guard let plan = plans.first(where: { $0.deltasWithoutBase { found[$0]?.base }.isEmpty }) else {
            throw CakeError(.damaged, "a delta of the model has a base that is a delta itself", fix: "run cake verify")
        }
        try self.init(plan, found, of: store)
    }

    /// Layers of a store without their bases, beside packs that are elsewhere. The store need not have what is in these.
    init(
        _ layers: [Layer], of store: LocalStore, plain: [Digest: FoundObject], beside earlier: [PackIndex]
    ) throws(CakeError) {
        let plan = PackPlan(layers, earlier: earlier)
        var found = plain
        for layer in plan.new.joined() where found[layer.digest] == nil {
            found[layer.digest] = try FoundObject(layer, in: store)
        }
        // The store has encoded one again meanwhile.
        guard plan.deltasWithoutBase({ found[$0]?.base }).isEmpty else { throw Packing.moved }
        try self.init(plan, found, of: store)
    }

    private init(_ plan: PackPlan, _ found: [Digest: FoundObject], of store: LocalStore) throws(CakeError) {
        let packs = plan.new.map { layers in layers.compactMap { found[$0.digest] } }
        let hashed = try Packing.hash(packs, of: store)
        new = packs.indices.compactMap { number in
            hashed[number].map { New(digest: $0.digest, pack: $0.pack, objects: packs[number]) }
        }
        var builder = PackBuilder(plan)
        for one in new {
            let members = zip(one.pack.extents, zip(one.pack.objects, one.objects)).map { bytes, object in
                PackIndex.Member(
                    layer: object.0.layer, stored: object.0.stored, length: object.0.length, offset: bytes.lowerBound,
                    pack: 0, transform: object.1.transform, base: object.1.base)
            }
            builder.add(PackIndex.Pack(digest: one.digest, size: one.pack.size), members)
        }
        index = try builder.index()
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

    /// The objects' bytes are read once from the disk: for the pack's digest, for their own, and for decoding, because
    /// clients would trust a digest of damaged bytes.
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

    /// The store encoded an object again meanwhile: the packs are arranged again.
    static let moved = CakeError(.notFound, "the store has replaced an object")
}
