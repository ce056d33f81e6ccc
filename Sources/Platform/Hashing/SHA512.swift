internal import CCrypto

/// SHA-512 over a stream of bytes: only for blobs of registries that a client names by it.
@safe public struct SHA512: ~Copyable {
    private var context = SHA512_CTX()

    public init() { unsafe SHA512_Init(&context) }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { _ = unsafe SHA512_Update(&context, $0.baseAddress, $0.count) }
    }

    /// The 64 bytes in hex.
    public consuming func finish() -> String {
        var bytes: [UInt8] = Array(repeating: 0, count: 64)
        unsafe bytes.withUnsafeMutableBufferPointer { _ = unsafe SHA512_Final($0.baseAddress, &context) }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }
}
