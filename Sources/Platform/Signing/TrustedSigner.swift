public import Model

/// Whose signatures a person trusts: a key's, or those of all whom a certificate stands for.
public struct TrustedSigner: ~Copyable {
    public static let longestFile = 1 << 20

    private enum Way: ~Copyable {
        case key(VerifyingKey)
        case authorities(CertificateAuthorities)
    }

    private let way: Way
    /// Nil for certificates.
    public let keyDigest: Digest?

    /// From PEM text, whichever of both it is.
    public init(pem: Span<UInt8>) throws(CakeError) {
        let text = pem.indices.map { pem[$0] }
        let isCertificate = text.firstRange(of: Array("-----BEGIN CERTIFICATE-----".utf8)) != nil
        if isCertificate { try self.init(authorities: pem) } else { try self.init(key: pem) }
    }

    public init(key pem: Span<UInt8>) throws(CakeError) {
        let key = try VerifyingKey(pem: pem)
        keyDigest = key.digest
        way = .key(key)
    }

    public init(authorities pem: Span<UInt8>) throws(CakeError) {
        way = .authorities(try CertificateAuthorities.read(pem: pem))
        keyDigest = nil
    }

    /// Who signed, if that is somebody whom this trusts. Throws for anybody else, before anything of the signed text is looked at.
    public func verify(_ bundle: SignatureBundle) throws(CakeError) -> Signer {
        switch way {
        case .key(let key):
            guard bundle.certificates.isEmpty else {
                throw CakeError(
                    .damaged, "it was made with a certificate, and you trust a key",
                    fix: "--certificate FILE names the certificate of who certified its signer")
            }
            if let hint = bundle.hint, hint != key.digest.hex {
                throw CakeError(
                    .damaged,
                    "it was made with another key: it names \(Signer.short(hint)), and yours is \(key.digest.short)",
                    fix: "use the public key of who signed it: --key FILE")
            }
            try TrustedSigner.check(key, bundle)
            return .key(key.digest)
        case .authorities(let authorities):
            guard !bundle.certificates.isEmpty else {
                throw CakeError(
                    .damaged, "it was made with a key, and you trust certificates",
                    fix: "use the public key of who signed it: --key FILE")
            }
            let holder = try authorities.holder(of: bundle.certificates)
            try TrustedSigner.check(holder.key, bundle)
            return .holder(holder.subject)
        }
    }

    private static func check(_ key: borrowing VerifyingKey, _ bundle: SignatureBundle) throws(CakeError) {
        guard key.isSignature(bundle.signature.span, of: bundle.signedBytes.span) else {
            throw CakeError(
                .damaged, "the key did not make this signature, or the signed text was changed",
                fix: "do not use the model before its publisher says why; get the signature or the key again")
        }
    }
}

/// Who signed a model.
public enum Signer: Hashable, Sendable {
    /// SHA-256 of the public key's PEM text.
    case key(Digest)
    /// The subject of a certificate.
    case holder(String)

    /// As much of a signature's hint as people compare.
    public static func short(_ hint: String) -> String { Printable.escape(String(hint.prefix(12))) }
}
