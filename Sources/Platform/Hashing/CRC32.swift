internal import CKernels
internal import CZlib

/// The checksum that zip archives ask for. It finds accidents, and is never a name.
public struct CRC32: Sendable {
    public private(set) var value: UInt32 = 0

    public init() {}

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return }
            var folded = 0
            if CRC32.canFold, bytes.count >= 64 {
                folded = bytes.count & ~15
                value = unsafe cake_fold_crc(value, start, folded)
            }
            value = unsafe UInt32(truncatingIfNeeded: crc32_z(UInt(value), start + folded, bytes.count - folded))
        }
    }

    private static let canFold = cake_can_fold_crc() != 0

    /// As if `count` bytes of that checksum had followed: parts are summed side by side and put together after.
    public mutating func append(_ other: CRC32, count: UInt64) {
        guard let count = Int(exactly: count), count > 0 else { return }
        value = UInt32(truncatingIfNeeded: crc32_combine(UInt(value), UInt(other.value), count))
    }

    public static func of(_ bytes: Span<UInt8>) -> CRC32 {
        var sum = CRC32()
        sum.update(bytes)
        return sum
    }
}
