internal import CCrypto
public import Model

/// A private key for signatures of models. Its bytes are libcrypto's, which clears them at the end.
public struct SigningKey: ~Copyable {
    private let key: CryptoKey
    private let curve: Curve
    public let verifyingKey: VerifyingKey

    /// Whether PEM text is of a private key that needs a password.
    public static func isEncrypted(_ pem: Span<UInt8>) -> Bool {
        var wasAsked = false
        _ = CryptoKey(privatePEM: pem, password: [UInt8]().span, wasAsked: &wasAsked)
        return wasAsked
    }

    /// From PEM text. The password is for an encrypted key, and ignored for another.
    public init(pem: Span<UInt8>, password: Span<UInt8>) throws(CakeError) {
        var wasAsked = false
        guard let key = CryptoKey(privatePEM: pem, password: password, wasAsked: &wasAsked) else {
            guard !wasAsked else { throw CakeError(.usage, "the password does not open it") }
            throw PEMLabel.refusal(of: pem, wanting: "a private key")
        }
        let curve = try Curve(of: key)
        let other = try VerifyingKey(CryptoKey(sharing: key), curve)
        self.curve = curve
        self.key = key
        verifyingKey = other
    }

    /// ECDSA in DER over the curve's own hash of the bytes. Verified before it is returned: a key file may hold two halves
    /// that do not belong together.
    public func sign(_ bytes: Span<UInt8>) throws(CakeError) -> [UInt8] {
        guard let signature = key.sign(bytes, curve), verifyingKey.isSignature(signature.span, of: bytes) else {
            throw CakeError(
                .failed, "the key makes no signature that its own public half accepts", fix: "check the file of the key"
            )
        }
        return signature
    }
}

/// A public key that verifies signatures of models.
public struct VerifyingKey: ~Copyable {
    private let key: CryptoKey
    private let curve: Curve
    /// SHA-256 of the key's PEM text, as openssl prints it: what signatures name their key by.
    public let digest: Digest

    /// From PEM text.
    public init(pem: Span<UInt8>) throws(CakeError) {
        guard let key = CryptoKey(publicPEM: pem) else { throw PEMLabel.refusal(of: pem, wanting: "a public key") }
        try self.init(of: key)
    }

    init(of key: consuming CryptoKey) throws(CakeError) {
        let curve = try Curve(of: key)
        try self.init(key, curve)
    }

    fileprivate init(_ key: consuming CryptoKey, _ curve: Curve) throws(CakeError) {
        guard let pem = key.publicPEM() else { throw CakeError(.failed, "libcrypto cannot write the public key") }
        digest = SHA256.digest(of: pem.span)
        self.curve = curve
        self.key = key
    }

    /// Whether the DER is this key's signature of the bytes, under its curve's own hash.
    public func isSignature(_ signature: Span<UInt8>, of bytes: Span<UInt8>) -> Bool {
        key.verifies(signature, of: bytes, curve)
    }
}

/// The curves of model signatures. Each has its hash.
enum Curve: String {
    case p256 = "prime256v1"
    case p384 = "secp384r1"
    case p521 = "secp521r1"

    static let advice = "make a key with: openssl ecparam -genkey -name prime256v1 -noout -out key.pem"

    init(of key: borrowing CryptoKey) throws(CakeError) {
        let kind = key.kind
        guard kind == "EC" else {
            throw CakeError(
                .usage,
                "it is \(kind.isEmpty ? "an unknown" : "an \(kind)") key, and model signatures use P-256, P-384 or P-521",
                fix: Curve.advice)
        }
        guard let curve = Curve(rawValue: key.curveName), !key.hasExplicitCurve else {
            let name = key.hasExplicitCurve ? "written out in numbers" : key.curveName
            throw CakeError(
                .usage, "its curve is \(Printable.escape(name)), and model signatures use P-256, P-384 or P-521",
                fix: Curve.advice)
        }
        self = curve
    }
}

/// What a PEM file says that it holds, for words.
private enum PEMLabel {
    static func refusal(of pem: Span<UInt8>, wanting wanted: String) -> CakeError {
        let text = String(decoding: pem.indices.prefix(64 << 10).map { pem[$0] }, as: UTF8.self)
        let labels = text.split(whereSeparator: \.isNewline).compactMap { line -> Substring? in
            guard line.hasPrefix("-----BEGIN "), line.hasSuffix("-----") else { return nil }
            return line.dropFirst(11).dropLast(5)
        }
        let isPrivate = labels.contains { $0.hasSuffix("PRIVATE KEY") }
        let isPublic = labels.contains { $0.hasSuffix("PUBLIC KEY") }
        switch (wanted, isPrivate, isPublic, labels.last) {
        case ("a public key", true, _, _):
            return CakeError(
                .usage, "it is a private key, and this needs the public one",
                fix: "openssl pkey -in KEY -pubout -out KEY.pub writes it")
        case ("a private key", false, true, _):
            return CakeError(.usage, "it is a public key, and this needs the private one")
        case (_, _, _, let label?) where !isPrivate && !isPublic:
            return CakeError(
                .usage, "it is a PEM file of \(Printable.escape(String(label.prefix(40)))), and not \(wanted)")
        case (_, _, _, nil):
            return CakeError(.usage, "it is not \(wanted) in PEM", fix: Curve.advice)
        default:
            return CakeError(.usage, "it is not \(wanted) that libcrypto can read", fix: Curve.advice)
        }
    }
}
