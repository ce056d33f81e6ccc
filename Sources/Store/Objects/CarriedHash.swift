internal import Codec
internal import Model
package import Platform

/// A hash that goes on while a layer is read: over the same bytes, or over others that are on this disk.
package final class CarriedHash {
    private var hash: SHA256
    private let others: PlainBytes?
    /// How many bytes it has taken.
    package private(set) var count: UInt64 = 0

    package init(_ hash: consuming SHA256, over others: PlainBytes? = nil) {
        self.hash = hash
        self.others = others
    }

    /// Adds bytes to the hash of the layer, and about as many to this one.
    func update(_ layer: inout SHA256, _ bytes: Span<UInt8>, through chunk: Chunk) throws(CakeError) {
        guard let others else {
            SHA256.update(&layer, &hash, bytes)
            count += UInt64(bytes.count)
            return
        }
        let length = min(others.count - count, UInt64(min(bytes.count, chunk.capacity)))
        try others.fill(chunk, from: count, count: Int(length))
        chunk.withBytes { SHA256.update(&layer, bytes, &hash, $0) }
        count += length
    }

    /// The hash as far as it came; called once.
    package func take() -> SHA256 {
        var taken = SHA256()
        swap(&taken, &hash)
        return taken
    }
}
