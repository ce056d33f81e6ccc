package import Codec
package import Model

/// An object in the index: its place, and facts from its first frame.
package struct IndexRecord: Sendable {
    package enum Place: Hashable, Sendable {
        /// A file of its own under `objects`.
        case alone
        case pack(Digest, offset: UInt64)
    }

    package let layer: Layer
    package let storedLength: UInt64
    package let place: Place
    package let transform: ObjectHeader.Transform
    package let base: Digest?
    /// As the index knows it, of a record that was read from one.
    var packSize: UInt64?

    static let noPack = UInt32.max
    /// In a record on disk, from where it goes on behind its digests.
    static let packOffset = 24
    static let flagsOffset = 29
    static let baseOffset = 32

    /// In the current shape.
    func append(to bytes: inout [UInt8], packNumber: UInt32) {
        bytes += layer.digest.bytes
        bytes.append(littleEndian: layer.size)
        bytes.append(littleEndian: storedLength)
        if case .pack(_, let offset) = place {
            bytes.append(littleEndian: offset)
        } else {
            bytes.append(littleEndian: UInt64(0))
        }
        bytes.append(littleEndian: packNumber)
        bytes += [transform.rawValue, base == nil ? 0 : 1, 0, 0]
        bytes += base?.bytes ?? [UInt8](repeating: 0, count: Digest.byteCount)
    }
}
