internal import Codec
internal import Model
internal import Platform
internal import Store

/// Objects in the packs of a shelf, by an index. The index is a stranger's claim: it is read in place, because it
/// may be long, and trusted only where the object says the same.
struct PackedObjects: ObjectSource {
    private let registry: RegistryStore
    private let shelf: RegistryShelf
    private let records: IndexFile

    var index: Digest? { records.digest }

    /// No layer is larger; the bytes read of an object grow with it.
    private static let largestLayer: UInt64 = 1 << 40

    init(of artifact: ModelArtifact, on shelf: RegistryShelf, _ registry: RegistryStore) throws(CakeError) {
        let records = try PackedObjects.records(of: artifact, on: shelf, registry)
        self.registry = registry
        self.shelf = shelf
        self.records = records
    }

    private static func records(
        of artifact: ModelArtifact, on shelf: RegistryShelf, _ registry: RegistryStore
    ) throws(CakeError) -> IndexFile {
        guard let digest = artifact.index.name.sha256,
            let blob = try registry.blob(artifact.index.name, on: shelf), let file = blob.file,
            blob.size == artifact.index.size, blob.size >= 24
        else { throw refuse("is not there") }
        let count = try file.bytes(at: 8, count: 4)
        guard count.span.littleEndian(UInt32.self, at: 0) == artifact.packs.count else {
            throw refuse("names other packs than the manifest")
        }
        guard try registry.isRight(digest) else { throw refuse("does not match its digest") }
        let records = try IndexFile(digest, storage(of: blob, file))
        guard records.packs.map({ PackIndex.Pack(digest: $0.digest, size: $0.size) }) == artifact.packs else {
            throw refuse("names other packs than the manifest")
        }
        return records
    }

    private static func storage(of blob: RegistryStore.Blob, _ file: File) throws(CakeError) -> IndexFile.Storage {
        if file.isHere { return .mapped(try MappedFile(file.path)) }
        guard blob.size <= UInt64(PackIndex.maximumSize) else { throw refuse("has \(blob.size) bytes") }
        let chunk = Chunk(capacity: Int(blob.size))
        try file.fill(chunk, from: 0, count: Int(blob.size))
        return .memory(chunk)
    }

    /// Whether all blobs of the model are there, as far as that is known without reading a pack.
    func check(_ model: Manifest) throws(CakeError) {
        for layer in model.layers where layer.size > 0 {
            guard let base = try record(of: layer).base else { continue }
            guard try record(of: Layer(digest: base, size: layer.size)).base == nil else {
                throw PackedObjects.refuse("has a delta of a delta")
            }
        }
    }

    func openAnywhere(_ layer: Layer) throws(CakeError) -> (object: StoredObject, base: StoredObject?) {
        let object = try open(layer)
        guard let digest = object.header.base else { return (object, nil) }
        let base = try open(Layer(digest: digest, size: layer.size))
        guard base.header.base == nil else { throw PackedObjects.refuse("has a delta of a delta") }
        return (object, base)
    }

    private func open(_ layer: Layer) throws(CakeError) -> StoredObject {
        let record = try record(of: layer)
        guard case .pack(let pack, let offset) = record.place,
            let blob = try registry.blob(BlobName(pack), on: shelf),
            let place = try blob.place(of: offset..<offset + record.storedLength)
        else { throw CakeError(.notFound, "the pack of layer \(layer.digest.short) is not in the registry") }
        if try !registry.isChecked(pack, within: nil) { registry.doubted.add(pack) }
        // The next bytes grow with the number of pieces.
        let head = try place.file.bytes(
            at: place.start, count: Int(min(record.storedLength, UInt64(8 + ObjectHeader.fixedLength))))
        guard layer.size <= PackedObjects.largestLayer,
            ObjectHeader.pieceBits(of: head.span) == ObjectHeader.standardPieceBits
        else { throw PackedObjects.refuse("has layer \(layer.digest.short) at a place without an object") }
        let object = try StoredObject(layer, in: place.file, at: place.start, length: record.storedLength)
        guard object.header.base == record.base else {
            throw PackedObjects.refuse("has another base of layer \(layer.digest.short) than its object")
        }
        return object
    }

    func doubt(_ layer: Layer) {
        for record in records.records(of: layer.digest) {
            if case .pack(let pack, _) = record.place { registry.doubted.add(pack) }
            for base in record.base.map({ records.records(of: $0) }) ?? [] {
                if case .pack(let pack, _) = base.place { registry.doubted.add(pack) }
            }
        }
    }

    private func record(of layer: Layer) throws(CakeError) -> IndexRecord {
        let found = records.records(of: layer.digest)
        guard found.count == 1, found[0].layer == layer, found[0].storedLength > 0, case .pack = found[0].place else {
            throw PackedObjects.refuse("does not say where layer \(layer.digest.short) lies")
        }
        return found[0]
    }

    private static func refuse(_ why: String) -> CakeError {
        CakeError(.damaged, "the index of packs \(why)", fix: "push the model again")
    }
}
