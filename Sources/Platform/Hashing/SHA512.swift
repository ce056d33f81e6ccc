internal import CCrypto

/// SHA-512 over a stream of bytes: only for blobs of registries that a client names by it.
@safe public struct SHA512: ~Copyable {
    private let context: OpaquePointer

    public init() {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha512(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-512")
        }
        unsafe self.context = context
    }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { _ = unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    /// The 64 bytes in hex.
    public consuming func finish() -> String {
        var bytes: [UInt8] = Array(repeating: 0, count: 64)
        unsafe bytes.withUnsafeMutableBufferPointer { _ = unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        let digits = Array("0123456789abcdef".utf8)
        return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    deinit { unsafe EVP_MD_CTX_free(context) }
}
