internal import CCrypto
public import Model

/// SHA-256 over bytes as they pass; libcrypto's, which uses the processor's own instructions.
@safe public struct SHA256: ~Copyable {
    private let context: OpaquePointer

    public init() {
        // OpenSSL 3 looks an algorithm up by name at each use unless it is fetched once; it is never freed.
        guard let context = unsafe EVP_MD_CTX_new(), unsafe EVP_DigestInit_ex2(context, algorithm.pointer, nil) == 1
        else {
            preconditionFailure("libcrypto has no SHA-256")
        }
        unsafe self.context = context
    }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { _ = unsafe EVP_DigestUpdate(context, $0.baseAddress, $0.count) }
    }

    public consuming func finish() -> Digest {
        var bytes: [UInt8] = Array(repeating: 0, count: Digest.byteCount)
        unsafe bytes.withUnsafeMutableBufferPointer { _ = unsafe EVP_DigestFinal_ex(context, $0.baseAddress, nil) }
        guard let digest = Digest(bytes: bytes.span) else { preconditionFailure("a SHA-256 has 32 bytes") }
        return digest
    }

    public static func digest(of bytes: Span<UInt8>) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    deinit { unsafe EVP_MD_CTX_free(context) }
}

/// Immutable after it is fetched, and read by every thread.
@safe private struct Algorithm: @unchecked Sendable {
    let pointer: OpaquePointer?
}

private let algorithm = unsafe Algorithm(pointer: EVP_MD_fetch(nil, "SHA256", nil))
