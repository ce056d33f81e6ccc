internal import CKernels
public import Model

/// BLAKE3 of bytes that are all there, plain or with a key. Xet names things by it.
public enum BLAKE3 {
    public static func hash(of bytes: Span<UInt8>, key: Key? = nil) -> XetHash {
        var found: [UInt8] = Array(repeating: 0, count: XetHash.byteCount)
        unsafe bytes.withUnsafeBufferPointer { bytes in
            if let key {
                unsafe cake_blake3(bytes.baseAddress, bytes.count, key.bytes, &found)
            } else {
                unsafe cake_blake3(bytes.baseAddress, bytes.count, nil, &found)
            }
        }
        guard let hash = XetHash(bytes: found.span) else { preconditionFailure("a hash has 32 bytes") }
        return hash
    }

    public struct Key: Sendable {
        let bytes: [UInt8]

        /// Exactly 32 bytes.
        public init?(_ bytes: [UInt8]) {
            guard bytes.count == 32 else { return nil }
            self.bytes = bytes
        }

        fileprivate init(_ words: (UInt64, UInt64, UInt64, UInt64)) { bytes = XetHash(words: words).bytes }

        /// For the bytes of a chunk.
        static let chunk = Key(
            (0xde50_955b_77f5_9766, 0x1c18_97a5_accb_3531, 0x582b_eb9b_1021_e49d, 0x29f2_ad93_4bb0_d0b4))
        /// For the lists of a node's children.
        static let node = Key(
            (0x9629_47a5_c7c5_7e01, 0xe602_8ab4_6666_94fd, 0xd26d_c737_6f53_dd5d, 0x3f71_534a_e652_63f8))
        /// For a file's root.
        static let file = Key((0, 0, 0, 0))
    }
}
