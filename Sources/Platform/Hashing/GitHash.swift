internal import CCrypto
public import Model

/// Git's name for a file with these bytes: the SHA-1 that a Hub lists for small files. By libcrypto.
@safe public struct GitHash: ~Copyable {
    private let context: OpaquePointer

    /// The length comes first, so it has to be known.
    public init(size: UInt64) {
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex(context, EVP_sha1(), nil) == 1 else {
            preconditionFailure("libcrypto has no SHA-1")
        }
        unsafe self.context = context
        let prefix = GitDigest.prefix(size: size)
        update(prefix.span)
    }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { _ = unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    public consuming func finish() -> GitDigest {
        var bytes: [UInt8] = Array(repeating: 0, count: GitDigest.byteCount)
        unsafe bytes.withUnsafeMutableBufferPointer { _ = unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        guard let digest = GitDigest(bytes: bytes.span) else { preconditionFailure("a SHA-1 has 20 bytes") }
        return digest
    }

    public static func digest(of bytes: Span<UInt8>) -> GitDigest {
        var hash = GitHash(size: UInt64(bytes.count))
        hash.update(bytes)
        return hash.finish()
    }

    deinit { unsafe EVP_MD_CTX_free(context) }
}
