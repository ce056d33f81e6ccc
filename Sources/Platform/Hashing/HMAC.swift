public import Model

/// A hash with a key, over SHA-256, as requests to object storage are signed.
public enum HMAC {
    private static let blockLength = 64

    public static func sha256(_ bytes: Span<UInt8>, key: [UInt8]) -> Digest {
        var block = key.count > blockLength ? SHA256.digest(of: key.span).bytes : key
        block += [UInt8](repeating: 0, count: blockLength - block.count)
        func pass(_ mask: UInt8, _ bytes: Span<UInt8>) -> Digest {
            var hash = SHA256()
            let masked = block.map { $0 ^ mask }
            hash.update(masked.span)
            hash.update(bytes)
            return hash.finish()
        }
        let inner = pass(0x36, bytes).bytes
        return pass(0x5c, inner.span)
    }
}
