internal import Model
internal import Platform
internal import Store

/// Models in other tools' shapes: an image, a ModelPack artifact, a ModelKit, one of Docker Model Runner. Their layers are read in
/// order from the archive's file, and their files are cut into tensors.
extension Load {
    /// What one of them brought.
    struct Brought {
        var bytes: UInt64 = 0
        var stored: UInt64 = 0
        var layers = 0
        var bytesHere: UInt64 = 0
        var layersHere = 0
        var complaints: [CakeError] = []
    }

    func load(
        _ bundled: ForeignBundledModel, from files: BundleFiles, in operation: Operation
    ) async throws -> (Loaded, Brought) {
        let (name, model) = (bundled.name, bundled.model)
        if model.archives.isEmpty {
            try refuseTaken(name, by: model.files)
            try refuseUnsigned(name, model.files, by: bundled.signatures)
        }
        let source = try BundledLayers(model.layers, in: files)
        let known = try KnownContents(of: model.layers, in: store, operation)
        let missing = known.missing.reduce(UInt64(0)) { $0 + $1.size }
        progress.begin("loading \(name)")
        progress.expect(bytes: known.size, items: UInt64(model.layers.count))
        progress.had(bytes: known.size - missing)
        try refuseIfTooSmall(for: missing)
        let troubles = BaseTroubles()
        let intake = ArchiveIntake(
            source: source, store: store, operation: operation, progress: progress,
            bases: BaseCandidates(in: store, named: nil, declared: [], telling: troubles))
        let came = try await intake(known.missing)
        progress.begin("finishing \(name)")
        let found = try known.files(with: came.entries)
        let manifest = try model.whole(found.files, at: files.label)
        let loaded = try await self.name(bundled, manifest, in: operation)
        store.keep(found.contents, of: loaded.manifest)
        if let checkpoint = came.checkpoint, checkpoint != loaded.manifest { try store.retire(checkpoint) }
        let read = came.entries.joined().compactMap(\.file)
        var brought = Brought(bytes: missing, stored: came.stored)
        brought.layers = Set(try read.flatMap { try $0.described().segments.map(\.layer.digest) }).count
        brought.bytesHere = known.size - missing
        brought.layersHere = max(0, loaded.layers - brought.layers)
        brought.complaints = read.compactMap(\.segmentation.complaint)
        return (loaded, brought)
    }

    func refuseIfTooSmall(for bytes: UInt64) throws(CakeError) {
        let free = try Disk.freeBytes(store.layout.root)
        guard free >= bytes else {
            throw CakeError(
                .diskFull,
                "the bundle has \(Quantities.bytes(bytes)) that are not here, and the disk has \(Quantities.bytes(free)) left",
                fix: "free some space: cake gc, or put the store on another disk with CAKE_HOME")
        }
    }
}

extension Load.Report {
    mutating func add(_ brought: Load.Brought) {
        bytesTaken = bytesTaken.clampedSum(brought.bytes)
        bytesStored = bytesStored.clampedSum(brought.stored)
        bytesHere = bytesHere.clampedSum(brought.bytesHere)
        layersStored += brought.layers
        layersHere += brought.layersHere
        complaints += brought.complaints
    }
}

/// Layers that lie in an archive or a folder on this disk.
private struct BundledLayers: ArchiveSource {
    let place: String
    private let places: [Digest: BundleFiles.Place]

    private static let pieceSize = 1 << 20

    init(_ layers: [ForeignLayer], in files: BundleFiles) throws(CakeError) {
        var places: [Digest: BundleFiles.Place] = [:]
        for layer in layers {
            let name = BlobName(layer.digest)
            guard let place = try files.place(of: name) else { throw BundleHead.missing(name, files.label) }
            guard place.size == layer.size else {
                throw BundleHead.wrongSize(name, place.size, layer.size, files.label)
            }
            places[layer.digest] = place
        }
        (self.places, place) = (places, files.label)
    }

    var mismatch: CakeError {
        CakeError(.damaged, "its bytes are not those that its digest names", fix: "save or copy it again")
    }

    func pass(_ layer: ForeignLayer, to take: (Chunk, Int) async throws -> Void) async throws {
        guard let place = places[layer.digest] else { return }
        let chunk = Chunk(capacity: BundledLayers.pieceSize)
        var offset: UInt64 = 0
        while offset < layer.size {
            let count = Int(min(UInt64(BundledLayers.pieceSize), layer.size - offset))
            try place.file.fill(chunk, from: place.start + offset, count: count)
            try await take(chunk, count)
            offset += UInt64(count)
        }
    }
}
