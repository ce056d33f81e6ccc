public import Model
public import Platform
internal import Synchronization

/// Reads the plain bytes of layers, piece by piece, and keeps the few objects open that are being read.
public final class LayerReader: Sendable {
    private let store: LocalStore
    private let open = Mutex<[(digest: Digest, object: StoredObject)]>([])
    private static let keptOpen = 16

    public init(_ store: LocalStore) { self.store = store }

    public static let pieceSize = 1 << UInt64(ObjectHeader.standardPieceBits)

    /// How many pieces of the standard size a layer has.
    public static func pieces(of layer: Layer) -> Int { Int((layer.size + UInt64(pieceSize) - 1) / UInt64(pieceSize)) }

    /// A piece's plain bytes, in a chunk that goes back with `giveBack`.
    public func piece(_ index: Int, of layer: Layer) throws(CakeError) -> Chunk {
        let object = try object(of: layer)
        let (plain, stored) = (store.plainChunks.take(), store.storedChunks.take())
        defer { store.storedChunks.giveBack(stored) }
        do throws(CakeError) {
            guard index < object.pieces else {
                throw CakeError(.damaged, "layer \(layer.digest.short) has no piece \(index)")
            }
            try store.coders.use { coder throws(CakeError) in
                try object.read(piece: index, with: coder, stored: stored, into: plain)
            }
            return plain
        } catch {
            store.plainChunks.giveBack(plain)
            throw error
        }
    }

    /// Starts the disk on a layer that will be read soon. Whatever is wrong with it shows when it is read.
    public func startReading(_ layer: Layer) {
        guard let object = try? object(of: layer) else { return }
        object.file.startReading(from: object.start, count: min(object.length, LayerReader.farthest))
    }

    /// How many layers ahead are worth it.
    public static let aheadCount = 2

    /// More than this ahead would only push out what is read before.
    private static let farthest: UInt64 = 64 << 20

    public func giveBack(_ chunk: Chunk) { store.plainChunks.giveBack(chunk) }

    /// All bytes of a small layer, checked against its name.
    public func bytes(of layer: Layer, limit: Int) throws(CakeError) -> [UInt8] {
        guard layer.size <= UInt64(limit) else {
            throw CakeError(
                .damaged, "layer \(layer.digest.short) has \(layer.size) bytes, more than the \(limit) it may have")
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
            throw CakeError(.damaged, "\(file.path) has \(file.size) bytes, more than the \(limit) it may have")
        }
        var bytes: [UInt8] = []
        for segment in file.segments { bytes += try self.bytes(of: segment.layer, limit: limit) }
        return bytes
    }

    private func object(of layer: Layer) throws(CakeError) -> StoredObject {
        let found = open.withLock { open in open.first { $0.digest == layer.digest }?.object }
        if let found, found.header.layer == layer { return found }
        let object = try store.open(layer)
        guard object.header.pieceBits == ObjectHeader.standardPieceBits else {
            throw CakeError(
                .failed, "layer \(layer.digest.short) is cut into pieces of another size",
                fix: "a newer cake wrote it; use that one")
        }
        open.withLock { open in
            open.append((layer.digest, object))
            if open.count > LayerReader.keptOpen { open.removeFirst() }
        }
        return object
    }
}
