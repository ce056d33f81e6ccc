/// A signature as the OpenSSF's model signing keeps it, in `model.sig`: a Sigstore bundle with a DSSE envelope, made with a
/// key or with a certificate. What it signs is a text (`SignedStatement`), and that is worth nothing before the signature is verified.
public struct SignatureBundle: Hashable, Sendable {
    /// The signed text, byte for byte.
    public let payload: [UInt8]
    /// ECDSA, as DER.
    public let signature: [UInt8]
    /// What the signer says of its key: SHA-256 of the public key's PEM text, in hex. Older signers say nothing.
    public let hint: String?
    /// In DER: the signer's, and those that lead from it to one that readers trust. None where it was made with a key alone.
    public let certificates: [[UInt8]]

    /// Some 150,000 files.
    public static let maximumSize = 32 << 20
    /// What other tools call the file.
    public static let fileName = "model.sig"
    public static let mediaType = "application/vnd.dev.sigstore.bundle.v0.3+json"
    static let payloadType = "application/vnd.in-toto+json"
    /// One of P-521 has 139 bytes.
    static let longestSignature = 256
    private static let mostCertificates = 16
    private static let longestCertificate = 64 << 10

    public init(payload: [UInt8], signature: [UInt8], hint: String?) {
        (self.payload, self.signature, self.hint) = (payload, signature, hint)
        certificates = []
    }

    /// The bytes that are signed: DSSE's encoding before authentication.
    public var signedBytes: [UInt8] { SignatureBundle.signedBytes(of: payload) }

    public static func signedBytes(of payload: [UInt8]) -> [UInt8] {
        Array("DSSEv1 \(payloadType.utf8.count) \(payloadType) \(payload.count) ".utf8) + payload
    }

    public var encoded: [UInt8] {
        let key: JSONValue = hint.map { ["hint": JSONValue($0)] } ?? .object(JSONObject())
        let bundle: JSONValue = [
            "mediaType": JSONValue(SignatureBundle.mediaType),
            "verificationMaterial": ["publicKey": key, "tlogEntries": []],
            "dsseEnvelope": [
                "payload": JSONValue(Base64.encode(payload)), "payloadType": JSONValue(SignatureBundle.payloadType),
                "signatures": [["sig": JSONValue(Base64.encode(signature)), "keyid": ""]],
            ],
        ]
        return bundle.bytes(.compact)
    }

    /// Refuses what cake cannot check, in words.
    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= SignatureBundle.maximumSize else {
            throw CakeError(
                .damaged,
                "a signature of \(Quantities.bytes(UInt64(bytes.count))); the limit is "
                    + Quantities.bytes(UInt64(SignatureBundle.maximumSize)))
        }
        var scanner = JSONScanner()
        let bundle = try scanner.members(
            ["mediaType", "verificationMaterial", "dsseEnvelope", "messageSignature"], in: bytes)
        try scanner.finish(in: bytes)
        try SignedText("mediaType", in: bundle, bytes).expect(SignatureBundle.mediaType)
        guard bundle["messageSignature"] == nil else {
            throw CakeError(.failed, "it signs one file, and not a model", fix: SignatureBundle.advice)
        }
        guard var envelope = bundle["dsseEnvelope"] else { throw SignedText.missing("dsseEnvelope") }
        (hint, certificates) = try SignatureBundle.signer(in: bundle["verificationMaterial"], bytes)
        let members = try envelope.members(["payload", "payloadType", "signatures"], in: bytes)
        try SignedText("payloadType", in: members, bytes).expect(SignatureBundle.payloadType)
        payload = try SignedText("payload", in: members, bytes).decoded()
        guard !payload.isEmpty else { throw CakeError(.damaged, "its payload is empty") }
        guard var signatures = members["signatures"] else { throw SignedText.missing("signatures") }
        signature = try SignatureBundle.only(&signatures, bytes)
    }

    static let advice = "cake checks bundles of OpenSSF model signing 1.0 that were made with a key or a certificate"

    private static func signer(
        in material: JSONScanner?, _ bytes: Span<UInt8>
    ) throws(CakeError) -> (hint: String?, certificates: [[UInt8]]) {
        guard var material else { throw SignedText.missing("verificationMaterial") }
        let members = try material.members(["publicKey", "certificate", "x509CertificateChain"], in: bytes)
        // Readers would disagree on which of two counts.
        guard members.count < 2 else { throw CakeError(.damaged, "it names its signer in more than one way") }
        if var one = members["certificate"] { return (nil, [try certificate(&one, bytes)]) }
        if var chain = members["x509CertificateChain"] { return (nil, try certificates(&chain, bytes)) }
        guard var key = members["publicKey"] else { throw SignedText.missing("publicKey") }
        return (try hint(in: &key, bytes), [])
    }

    private static func certificates(
        _ chain: inout JSONScanner, _ bytes: Span<UInt8>
    ) throws(CakeError) -> [[UInt8]] {
        guard var list = try chain.members(["certificates"], in: bytes)["certificates"] else {
            throw SignedText.missing("certificates")
        }
        var found: [[UInt8]] = []
        try list.beginArray(in: bytes)
        while try list.nextElement(in: bytes) {
            guard found.count < mostCertificates else {
                throw CakeError(.damaged, "it has more than \(mostCertificates) certificates")
            }
            found.append(try certificate(&list, bytes))
        }
        guard !found.isEmpty else { throw CakeError(.damaged, "its chain has no certificate") }
        return found
    }

    private static func certificate(_ place: inout JSONScanner, _ bytes: Span<UInt8>) throws(CakeError) -> [UInt8] {
        let der = try SignedText("rawBytes", in: place.members(["rawBytes"], in: bytes), bytes).decoded()
        guard (1...longestCertificate).contains(der.count) else {
            throw CakeError(.damaged, "a certificate of it has \(der.count) bytes")
        }
        return der
    }

    private static func hint(in key: inout JSONScanner, _ bytes: Span<UInt8>) throws(CakeError) -> String? {
        let known = try key.members(["hint"], in: bytes)
        guard known["hint"] != nil else { return nil }
        let hint = try SignedText("hint", in: known, bytes).text
        guard hint.utf8.count <= 1024 else { throw CakeError(.damaged, "its key's hint has \(hint.utf8.count) bytes") }
        return hint.isEmpty ? nil : hint
    }

    private static func only(_ signatures: inout JSONScanner, _ bytes: Span<UInt8>) throws(CakeError) -> [UInt8] {
        var found: [UInt8]?
        var count = 0
        try signatures.beginArray(in: bytes)
        while try signatures.nextElement(in: bytes) {
            count += 1
            guard count == 1 else { throw CakeError(.damaged, "it has more than one signature") }
            let members = try signatures.members(["sig"], in: bytes)
            found = try SignedText("sig", in: members, bytes).decoded()
        }
        guard let found else { throw CakeError(.damaged, "it has no signature") }
        guard (1...longestSignature).contains(found.count) else {
            throw CakeError(.damaged, "its signature has \(found.count) bytes, which no supported key makes")
        }
        return found
    }
}
