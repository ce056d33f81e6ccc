internal import CCrypto
internal import CKernels
public import Model

/// SHA-256 over bytes as they pass; libcrypto's, which uses the processor's own instructions.
@safe public struct SHA256: ~Copyable, Sendable {
    private var context = SHA256_CTX()

    public init() { unsafe SHA256_Init(&context) }

    public mutating func update(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { _ = unsafe SHA256_Update(&context, $0.baseAddress, $0.count) }
    }

    public consuming func finish() -> Digest {
        var bytes: [UInt8] = Array(repeating: 0, count: Digest.byteCount)
        unsafe bytes.withUnsafeMutableBufferPointer { _ = unsafe SHA256_Final($0.baseAddress, &context) }
        guard let digest = Digest(bytes: bytes.span) else { preconditionFailure("a SHA-256 has 32 bytes") }
        return digest
    }

    public static func digest(of bytes: Span<UInt8>) -> Digest {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }
}

/// Two hashes at once. With instructions for it, this takes little longer than one hash: one uses the processor while
/// the other waits.
extension SHA256 {
    /// Over the same bytes, such as of a layer and of its file.
    public static func update(_ one: inout SHA256, _ other: inout SHA256, _ bytes: Span<UInt8>) {
        update(&one, bytes, &other, bytes)
    }

    /// Best over about as many bytes.
    public static func update(
        _ one: inout SHA256, _ bytes: Span<UInt8>, _ other: inout SHA256, _ others: Span<UInt8>
    ) {
        // Each begins at a block of its own.
        let (first, second) = (one.missing, other.missing)
        let blocks = min(bytes.count - first, others.count - second) / blockLength
        guard hasPair, blocks > 0 else {
            one.update(bytes)
            other.update(others)
            return
        }
        let count = blocks * blockLength
        one.update(bytes.extracting(0..<first))
        other.update(others.extracting(0..<second))
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe others.withUnsafeBufferPointer { others in
                guard let start = bytes.baseAddress, let otherStart = others.baseAddress else { return }
                unsafe cake_sha256_pair(
                    &one.context.h, start + first, &other.context.h, otherStart + second, blocks)
            }
        }
        one.count(count)
        other.count(count)
        one.update(bytes.extracting(first + count..<bytes.count))
        other.update(others.extracting(second + count..<others.count))
    }

    private static let blockLength = 64
    private static let hasPair = cake_has_sha256_pair() != 0
    /// Whether the processor has instructions of its own for this hash.
    public static var hasInstructions: Bool { hasPair }

    /// How many bytes the block that was begun lacks.
    private var missing: Int { (SHA256.blockLength - Int(context.num)) % SHA256.blockLength }

    /// Notes bytes that went past libcrypto; it counts bits, in two words.
    private mutating func count(_ bytes: Int) {
        let bits = UInt64(context.Nh) << 32 | UInt64(context.Nl)
        let all = bits &+ UInt64(bytes) << 3
        context.Nl = UInt32(truncatingIfNeeded: all)
        context.Nh = UInt32(truncatingIfNeeded: all >> 32)
    }
}
