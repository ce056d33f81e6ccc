internal import CCrypto
public import Model

/// Git's name for a file with these bytes: the SHA-1 that a Hub lists for small files. By libcrypto.
@safe public struct GitHash: ~Copyable {
    private var context = SHA_CTX()

    /// The length comes first: it must be known.
    public init(size: UInt64) {
        unsafe SHA1_Init(&context)
        let prefix = GitDigest.prefix(size: size)
        update(prefix.span)
    }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { _ = unsafe SHA1_Update(&context, $0.baseAddress, $0.count) }
    }

    public consuming func finish() -> GitDigest {
        var bytes: [UInt8] = Array(repeating: 0, count: GitDigest.byteCount)
        unsafe bytes.withUnsafeMutableBufferPointer { _ = unsafe SHA1_Final($0.baseAddress, &context) }
        guard let digest = GitDigest(bytes: bytes.span) else { preconditionFailure("a SHA-1 has 20 bytes") }
        return digest
    }

    public static func digest(of bytes: Span<UInt8>) -> GitDigest {
        var hash = GitHash(size: UInt64(bytes.count))
        hash.update(bytes)
        return hash.finish()
    }
}
