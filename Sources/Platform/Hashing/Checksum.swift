internal import CXXHash

/// XXH3: tells whether bytes read twice were the same twice, at the speed of memory. No proof against an attacker, and
/// never a name.
public enum Checksum {
    public static func of(_ bytes: Span<UInt8>) -> UInt64 {
        unsafe bytes.withUnsafeBufferPointer { unsafe XXH3_64bits($0.baseAddress, $0.count) }
    }
}
