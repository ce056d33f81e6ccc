internal import Codec
public import Model
internal import Platform

/// An object of a small layer that came from elsewhere, and is only looked at.
public enum ObjectBytes {
    /// The layer's bytes, compared with its name. Deltas are refused.
    public static func plain(of layer: Layer, in stored: Span<UInt8>, limit: Int) throws(CakeError) -> [UInt8] {
        guard layer.size <= UInt64(limit) else {
            throw CakeError(
                .damaged, "layer \(layer.digest.short) has \(layer.size) bytes; the limit is \(limit)")
        }
        let object = try StoredObject(layer, in: File(inMemory: stored), at: 0, length: UInt64(stored.count))
        guard object.header.base == nil else {
            throw CakeError(.damaged, "layer \(layer.digest.short) is a delta, and its base is not available")
        }
        let coder = Coder()
        let (room, plain) = (Chunk(capacity: Coder.storedCapacity), Chunk(capacity: object.header.pieceSize))
        var bytes: [UInt8] = []
        for index in 0..<object.pieces {
            try object.read(piece: index, with: coder, stored: room, into: plain)
            plain.withBytes { piece in for place in piece.indices { bytes.append(piece[place]) } }
        }
        let found = SHA256.digest(of: bytes.span)
        guard found == layer.digest else {
            throw CakeError(.damaged, "layer \(layer.digest.short) hashes to \(found.short)")
        }
        return bytes
    }
}

extension LocalStore {
    /// The base of a layer here.
    public func base(of layer: Layer) throws(CakeError) -> Digest? { try find(layer)?.base }
}
