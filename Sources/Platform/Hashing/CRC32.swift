internal import CDeflate
internal import CZlib

/// The checksum that zip archives ask for. It finds accidents, and is never a name. libdeflate makes it, three times as fast
/// as zlib; zlib puts parts together, which libdeflate cannot.
public struct CRC32: Sendable {
    public private(set) var value: UInt32 = 0

    public init() {}

    /// One that was worked out before.
    public init(_ value: UInt32) { self.value = value }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard let start = bytes.baseAddress else { return }
            value = unsafe libdeflate_crc32(value, start, bytes.count)
        }
    }

    /// As if `count` bytes with that checksum had followed: parts are summed side by side and combined.
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
