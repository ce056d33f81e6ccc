internal import Model
internal import Platform
internal import Store

/// The objects of one pack, in order: from the store, or made for it.
struct PackedObjects: Sendable {
    struct Object: Sendable {
        let layer: Layer
        let made: StoredLayer?
        let stored: Push.Object
    }

    let store: LocalStore
    let objects: [Object]
    private let extents: Extents

    init(
        _ layers: [Layer], _ layout: Push.Layout, from store: LocalStore, in operation: Operation?
    ) async throws {
        var objects: [Object] = []
        var scratch: ScratchObjects?
        for layer in layers {
            guard layout.recoded.contains(layer.digest) else {
                guard let stored = layout.objects[layer.digest] else { continue }
                objects.append(Object(layer: layer, made: nil, stored: stored))
                continue
            }
            guard let operation else {
                throw CakeError(
                    .failed,
                    "layer \(layer.digest.short) has to be encoded without its base, and the store is not writable",
                    fix: "include the model that has the base, or use a writable store")
            }
            let place = try scratch ?? ScratchObjects(in: operation)
            scratch = place
            let made = try await store.storedAlone(layer, kind: layout.kinds[layer.digest], in: operation, place)
            objects.append(
                Object(layer: layer, made: made, stored: Push.Object(length: made.bytes.count, base: nil)))
        }
        self.store = store
        self.objects = objects
        extents = Extents(objects.lazy.map(\.stored.length))
    }

    var recoded: Int { objects.count { $0.made != nil } }

    var size: UInt64 { extents.whole.upperBound }

    /// The objects that a range of the pack touches, and which of their bytes.
    func parts(of range: Range<UInt64>) -> [(object: Object, bytes: Range<UInt64>)] {
        extents.parts(of: range).map { (objects[$0.index], $0.bytes) }
    }

    func stored(_ object: Object) throws(CakeError) -> StoredLayer {
        if let made = object.made { return made }
        let found = try store.stored(object.layer)
        guard found.bytes.count == object.stored.length, found.base == object.stored.base else {
            throw CakeError(
                .failed, "layer \(object.layer.digest.short) was stored again while it was sent", fix: "run it again")
        }
        return found
    }

    /// A blob needs its digest before it is sent. The members' pack is number 0.
    func hashed() throws -> (PackIndex.Pack, [PackIndex.Member]) {
        var whole = SHA256()
        var members: [PackIndex.Member] = []
        for (object, place) in zip(objects, extents) {
            let stored = try stored(object)
            var own = SHA256()
            try store.forEachChunk(of: stored.bytes) { SHA256.update(&own, &whole, $0) }
            // All who get it would trust the digest of a damaged object.
            if object.made == nil { try store.prove(object.layer) }
            members.append(
                PackIndex.Member(
                    layer: object.layer, stored: own.finish(), length: stored.bytes.count, offset: place.lowerBound,
                    pack: 0, transform: stored.transform, base: stored.base))
        }
        return (PackIndex.Pack(digest: whole.finish(), size: size), members)
    }
}
