internal import CXXHash

/// XXH3: tells whether bytes were the same in two readings, at the speed of memory. It does not stop an attacker, and
/// is never a name.
public enum Checksum {
    public static func of(_ bytes: Span<UInt8>) -> UInt64 {
        unsafe bytes.withUnsafeBufferPointer { unsafe XXH3_64bits($0.baseAddress, $0.count) }
    }
}
