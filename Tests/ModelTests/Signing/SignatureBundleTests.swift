import Model
import Support
import Testing

private let payload = Array(#"{"a":1}"#.utf8)

/// A bundle as text, with parts of it replaced.
private func text(
    media: String = SignatureBundle.mediaType, key: String = #"{"publicKey":{"hint":"ab"},"tlogEntries":[]}"#,
    type: String = "application/vnd.in-toto+json", payload coded: String = Base64.encode(payload),
    signatures: String = #"[{"sig":"MAYCAQECAQE=","keyid":""}]"#, more: String = ""
) -> String {
    #"{"mediaType":"\#(media)","verificationMaterial":\#(key),"dsseEnvelope":{"payload":"\#(coded)","#
        + #""payloadType":"\#(type)","signatures":\#(signatures)}\#(more)}"#
}

@Suite struct `A signature's bundle` {
    private func read(_ text: String) throws(CakeError) -> SignatureBundle {
        try SignatureBundle(parsing: Array(text.utf8).span)
    }

    @Test func `is written in one way, and signs its payload with DSSE's preamble`() throws {
        let bundle = SignatureBundle(payload: payload, signature: [48, 6, 2, 1, 1, 2, 1, 1], hint: "ab")
        #expect(String(decoding: bundle.encoded, as: UTF8.self) == text())
        #expect(try read(text()) == bundle)
        #expect(
            String(decoding: bundle.signedBytes, as: UTF8.self)
                == #"DSSEv1 28 application/vnd.in-toto+json 7 {"a":1}"#)
    }

    @Test(arguments: [
        ("no list of log entries", text(key: #"{"publicKey":{"hint":"ab"}}"#), "ab"),
        ("no hint, as before 1.1", text(key: #"{"publicKey":{"rawBytes":"AAAA","keyDetails":"PKIX"}}"#), nil),
        ("an empty hint", text(key: #"{"publicKey":{"hint":""}}"#), nil),
        ("null for what is not there", text(key: #"{"publicKey":{"hint":null},"certificate":null}"#), nil),
        ("no keyid", text(signatures: #"[{"sig":"MAYCAQECAQE="}]"#), "ab"),
        ("a keyid of null", text(signatures: #"[{"keyid":null,"sig":"MAYCAQECAQE="}]"#), "ab"),
        ("members that nobody knows", text(more: #","new":{"payload":[1]}"#), "ab"),
        ("space around", " \n" + text() + "\n", "ab"),
    ])
    func `is read with`(what: String, text: String, hint: String?) throws {
        let bundle = try read(text)
        #expect(bundle.payload == payload && bundle.signature.count == 8 && bundle.hint == hint)
    }

    @Test(
        arguments: [
            (#"{"certificate":{"rawBytes":"AAAA"}}"#, [[0, 0, 0]]),
            (
                #"{"x509CertificateChain":{"certificates":[{"rawBytes":"AAAA"},{"rawBytes":"AQ=="}]}}"#,
                [[0, 0, 0], [1]]
            ),
        ] as [(String, [[UInt8]])])
    func `names its signer by certificates instead`(key: String, certificates: [[UInt8]]) throws {
        let bundle = try read(text(key: key))
        #expect(bundle.certificates == certificates && bundle.hint == nil)
    }

    @Test(arguments: [
        (text(media: "application/vnd.dev.sigstore.bundle.v0.2+json"), "mediaType"),
        (text(type: "text/plain"), "payloadType"),
        (text(key: #"{"certificate":{}}"#), "no rawBytes"), (text(key: #"{"certificate":{"rawBytes":""}}"#), "0 bytes"),
        (text(key: #"{"x509CertificateChain":{}}"#), "no certificates"),
        (text(key: #"{"x509CertificateChain":{"certificates":[]}}"#), "no certificate"),
        (text(key: #"{"publicKey":{},"certificate":{"rawBytes":"AAAA"}}"#), "more than one way"),
        (text(key: "{}"), "no publicKey"), (text(key: "null"), "no verificationMaterial"),
        (text(key: "[]"), "object is missing"),
        (text(key: #"{"publicKey":{"hint":7}}"#), "not a text"),
        (text(payload: ""), "payload is empty"), (text(payload: "@@@@"), "base 64"),
        (text(payload: "AAAAA"), "base 64"),
        (text(signatures: "[]"), "no signature"),
        (text(signatures: #"[{"sig":"AA=="},{"sig":"AA=="}]"#), "more than one signature"),
        (text(signatures: #"[{"keyid":""}]"#), "no sig"), (text(signatures: #"[{"sig":""}]"#), "0 bytes"),
        (text(signatures: "{}"), "array is missing"),
        (text(signatures: #"[{"sig":"\#(String(repeating: "A", count: 400))"}]"#), "300 bytes"),
        (text(more: #","messageSignature":{}"#), "one file"),
        (text(more: #","mediaType":"x""#), "twice"), (text(more: #","dsseEnvelope":null"#), "twice"),
        (#"{"mediaType":"\#(SignatureBundle.mediaType)"}"#, "no dsseEnvelope"),
        ("", "JSON"), ("[]", "object is missing"), (text() + "x", "more follows"), ("{", "JSON"),
    ])
    func `is refused with words`(text: String, word: String) {
        let error = #expect(throws: CakeError.self) { try read(text) }
        #expect(error?.what.contains(word) == true, "\(error?.what ?? "")")
        #expect(error?.kind == .damaged || error?.kind == .failed && error?.fix != nil)
    }

    @Test func `is refused before it is read where it is too large`() {
        let bytes = [UInt8](repeating: 0x20, count: SignatureBundle.maximumSize + 1)
        let error = #expect(throws: CakeError.self) { try SignatureBundle(parsing: bytes.span) }
        #expect(error?.what.contains("limit") == true)
    }
}
