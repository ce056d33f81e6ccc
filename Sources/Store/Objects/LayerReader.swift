internal import Codec
public import Model
public import Platform

/// Reads the plain bytes of layers, piece by piece, and keeps the few objects open that are being read.
public final class LayerReader: Sendable {
    private let store: LocalStore
    private let objects: any ObjectSource
    /// Factors are kept with their objects.
    private let open = BoundedCache<Layer, Opened>(room: 16 << 20) { max(1 << 20, $0.object.factorBytes) }

    private struct Opened: Sendable {
        let object: StoredObject
        let base: StoredObject?
    }

    public convenience init(_ store: LocalStore) { self.init(store, from: store) }

    /// For objects in another place; threads and memory are the store's.
    package init(_ store: LocalStore, from objects: any ObjectSource) {
        self.store = store
        self.objects = objects
    }

    var pool: BlockingPool { store.pool }

    /// The digest of the index that leads to the objects: nil for the store itself.
    package var index: Digest? { objects.index }

    public static let pieceSize = 1 << UInt64(ObjectHeader.standardPieceBits)

    /// How many pieces of the standard size a layer has.
    public static func pieces(of layer: Layer) -> Int { Int(ObjectHeader.pieces(of: layer.size)) }

    /// How many plain bytes one of a layer's pieces has.
    static func size(ofPiece index: Int, of layer: Layer) -> UInt64 {
        min(UInt64(pieceSize), layer.size - UInt64(index) * UInt64(pieceSize))
    }

    /// A piece's plain bytes, in a chunk that `giveBack` returns. A caller that will compare the whole layer with its
    /// name gets them sooner, and unchecked.
    public func piece(_ index: Int, of layer: Layer, hashedLater: Bool = false) throws(CakeError) -> Chunk {
        try read(index, of: layer, hashedLater: hashedLater).chunk
    }

    /// The same, and whether the object has the bytes as they are: reading them again costs little.
    func read(_ index: Int, of layer: Layer, hashedLater: Bool = false) throws(CakeError)
        -> (chunk: Chunk, isRaw: Bool)
    {
        let plain = store.plainChunks.take()
        do throws(CakeError) {
            return (plain, try read(index, of: layer, into: plain, hashedLater: hashedLater))
        } catch {
            store.plainChunks.giveBack(plain)
            throw error
        }
    }

    /// Puts a piece's plain bytes into a chunk that has room for them.
    func read(
        _ index: Int, of layer: Layer, into plain: Chunk, hashedLater: Bool = false
    ) throws(CakeError) -> Bool {
        let opened = try open(layer)
        do throws(CakeError) {
            guard index < opened.object.pieces else {
                throw CakeError(.damaged, "layer \(layer.digest.short) has no piece \(index)")
            }
            return try store.read(
                piece: index, of: opened.object, base: opened.base, into: plain, hashedLater: hashedLater)
        } catch {
            // The next reader opens it again: it may be repaired by then.
            open[layer] = nil
            if error.kind == .damaged { objects.doubt(layer) }
            throw error
        }
    }

    /// Whether a layer has these bytes at a place of its own.
    public func holds(_ bytes: Span<UInt8>, at start: UInt64, of layer: Layer) throws(CakeError) -> Bool {
        guard start <= layer.size, UInt64(bytes.count) <= layer.size - start else { return false }
        var position = start
        while position < start + UInt64(bytes.count) {
            let index = Int(position / UInt64(LayerReader.pieceSize))
            let chunk = try piece(index, of: layer)
            defer { giveBack(chunk) }
            let first = Int(position % UInt64(LayerReader.pieceSize))
            let done = Int(position - start)
            let count = min(chunk.count - first, bytes.count - done)
            guard count > 0, chunk.holds(bytes.extracting(done..<done + count), at: first) else { return false }
            position += UInt64(count)
        }
        return true
    }

    /// Puts exactly `count` bytes from `offset` on into a chunk.
    func fill(_ chunk: Chunk, from offset: UInt64, count: Int, of layer: Layer) throws(CakeError) {
        chunk.count = 0
        while chunk.count < count {
            let position = offset + UInt64(chunk.count)
            let piece = try piece(Int(position / UInt64(LayerReader.pieceSize)), of: layer)
            defer { giveBack(piece) }
            let first = Int(position % UInt64(LayerReader.pieceSize))
            let end = min(piece.count, first + count - chunk.count)
            guard first < end else {
                throw CakeError(.damaged, "layer \(layer.digest.short) ends too early")
            }
            guard piece.withBytes({ chunk.append($0.extracting(first..<end)) }) > 0 else {
                throw CakeError(.failed, "no memory for \(count) bytes of a layer")
            }
        }
    }

    /// Starts the disk on a layer that is needed soon. Problems show when it is read.
    public func startReading(_ layer: Layer) {
        guard let opened = try? open(layer) else { return }
        for object in [opened.object, opened.base].compactMap(\.self) {
            object.file.startReading(from: object.start, count: min(object.length, LayerReader.farthest))
        }
    }

    /// How many layers ahead are worth it.
    public static let aheadCount = 2

    /// Reading further ahead would only evict pages that are needed before.
    private static let farthest: UInt64 = 64 << 20

    public func giveBack(_ chunk: Chunk) { store.plainChunks.giveBack(chunk) }

    /// All bytes of a small layer, checked against its name.
    public func bytes(of layer: Layer, limit: Int) throws(CakeError) -> [UInt8] {
        guard layer.size <= UInt64(limit) else {
            throw CakeError(
                .damaged, "layer \(layer.digest.short) has \(layer.size) bytes; the limit is \(limit)")
        }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Int(layer.size))
        for index in 0..<LayerReader.pieces(of: layer) {
            let chunk = try piece(index, of: layer)
            chunk.withBytes { piece in for index in piece.indices { bytes.append(piece[index]) } }
            giveBack(chunk)
        }
        let found = SHA256.digest(of: bytes.span)
        guard found == layer.digest else {
            throw CakeError(.damaged, "layer \(layer.digest.short) is damaged: its bytes hash to \(found.short)")
        }
        return bytes
    }

    /// All bytes of a small file, in order; its layers are checked one by one.
    public func bytes(of file: Manifest.File, limit: Int) throws(CakeError) -> [UInt8] {
        guard file.size <= UInt64(limit) else {
            throw CakeError(.damaged, "\(file.path) has \(file.size) bytes; the limit is \(limit)")
        }
        var bytes: [UInt8] = []
        for segment in file.segments { bytes += try self.bytes(of: segment.layer, limit: limit) }
        return bytes
    }

    private func open(_ layer: Layer) throws(CakeError) -> Opened {
        if let found = open[layer] { return found }
        let (object, base) = try objects.openAnywhere(layer)
        guard object.header.pieceBits == ObjectHeader.standardPieceBits else {
            throw CakeError(
                .failed, "layer \(layer.digest.short) is cut into pieces of another size",
                fix: "a newer cake wrote it; use a newer cake", cause: .newer)
        }
        let opened = Opened(object: object, base: base)
        open[layer] = opened
        return opened
    }
}
