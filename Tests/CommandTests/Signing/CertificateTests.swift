import Foundation
import Model
import Support
import Testing

@testable import cake

/// Signatures whose signer is named by a certificate.
@Suite struct `A signature by the holder of a certificate` {
    private let signing: SigningHome
    private var home: Home { signing.home }

    /// A root, a department that it certified, and a person whom the department certified.
    init() throws {
        signing = try SigningHome()
        for key in ["root", "department", "person"] { try signing.makeKey(key) }
        let authority = "basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign"
        try signing.certify("root", authority)
        try signing.certify("department", by: "root", authority)
        try signing.certify("person", by: "department", "keyUsage=digitalSignature")
    }

    private func check(_ file: String, _ trusted: String) throws -> Tool {
        try home.cake(["verify", "org/m", "--signature", file, "--certificate", signing.path(trusted + ".pem")])
    }

    private func bundle(_ chain: String..., key: String? = nil) throws -> String {
        try signing.bundle(
            signing.statement(), "by-" + chain.joined(separator: "-"), key: key ?? chain[0],
            certificates: chain.map { $0 + ".pem" })
    }

    @Test func `is right for who trusts the root, the department or the person`() throws {
        let file = try bundle("person", "department")
        for trusted in ["root", "department", "person"] {
            let done = try check(file, trusted)
            #expect(done.status == 0, "\(trusted): \(done.errors)")
            #expect(done.output.contains("signed with the certificate of /CN=person"), "\(done.output)")
        }
        let document = try #require(
            try home.cake(
                "verify", "org/m", "--signature", file, "--certificate", signing.path("root.pem"), "--json"
            ).document() as? [String: Any])
        #expect(document["certificate"] as? String == "/CN=person" && document["key"] is NSNull)
    }

    @Test func `may be for code, and counts after its certificate has ended`() throws {
        try signing.makeKey("coder")
        try signing.certify("coder", by: "department", "extendedKeyUsage=codeSigning", days: "1")
        #expect(try check(bundle("coder", "department"), "root").status == 0)
    }

    @Test func `is refused, and the words say why`() throws {
        for key in ["stranger", "plain", "login", "rsa"] { try signing.makeKey(key) }
        try signing.certify("stranger", "keyUsage=digitalSignature")
        try signing.certify("plain", by: "department", "keyUsage=keyEncipherment")
        try signing.certify(
            "login", by: "department", "keyUsage=digitalSignature",
            "1.3.6.1.4.1.57264.1.1=ASN1:UTF8String:https://id.example")
        try signing.openssl("genrsa", "-out", signing.path("rsa"), "2048")
        try signing.certify("rsa", by: "department", "keyUsage=digitalSignature")
        let text = try String(contentsOfFile: bundle("person", "department"), encoding: .utf8)
        func changed(_ name: String, _ old: String, _ new: String) throws -> String {
            try #require(text.contains(old))
            try Data(text.replacing(old, with: new).utf8).write(to: home.path(name))
            return signing.path(name)
        }
        let chain = try #require(text.firstRange(of: #"{"rawBytes":"#)).lowerBound
        let one = text[chain...].prefix { $0 != "}" } + "}"
        let wrong: [(String, String, String, Int32)] = [
            (try bundle("person"), "root", "does not lead to yours", 11),
            (try bundle("stranger"), "root", "does not lead to yours", 11),
            (try bundle("person", "department"), "stranger", "does not lead to yours", 11),
            (try bundle("plain", "department"), "root", "is not for signatures", 11),
            (try bundle("login", "department"), "root", "identity provider", 1),
            (try bundle("rsa", "department"), "root", "RSA", 2),
            (try bundle("person", "department", key: "stranger"), "root", "did not make this signature", 11),
            (try changed("garbage", "rawBytes\":\"MII", "rawBytes\":\"AAA"), "root", "cannot be read", 11),
            (
                try changed("many", String(one), Array(repeating: String(one), count: 17).joined(separator: ",")),
                "root",
                "more than 16 certificates", 11
            ),
            (
                try changed("both", #""x509CertificateChain":"#, #""publicKey":{},"x509CertificateChain":"#), "root",
                "in more than one way", 11
            ),
            (try signing.bundle(signing.statement(), "by-key"), "root", "made with a key", 11),
        ]
        for (file, trusted, word, status) in wrong {
            let done = try check(file, trusted)
            #expect(done.status == status && done.errors.contains(word), "\(file): \(done.status) \(done.errors)")
            #expect(done.output == "", "\(file)")
        }
        let key = try home.cake(
            "verify", "org/m", "--signature", bundle("person", "department"), "--key", signing.path("key.pub"))
        #expect(key.status == 11 && key.errors.contains("--certificate FILE"))
        let both = try home.cake("verify", "org/m", "--signature", "--key", "k", "--certificate", "c")
        #expect(both.status == 2 && both.errors.contains("cannot be used together"))
        let none = try home.cake("verify", "org/m", "--signature", "--certificate", signing.path("key.pub"))
        #expect(none.status == 2 && none.errors.contains("not a certificate in PEM"), "\(none.errors)")
    }
}
