import Foundation
import Model
import Platform
import Support
import Testing

/// Keys and signatures by openssl itself.
@Suite struct `A key for signatures` {
    private let scratch: Scratch

    init() throws { scratch = try Scratch() }

    private func openssl(_ words: String...) throws {
        let done = try Tool.run("openssl", words)
        try #require(done.status == 0, "\(words): \(done.errors)")
    }

    private func bytes(_ name: String) throws -> [UInt8] { Array(try Data(contentsOf: URL(filePath: scratch[name]))) }

    private func makeKey(_ curve: String, _ name: String = "key") throws {
        try openssl("ecparam", "-genkey", "-name", curve, "-noout", "-out", scratch[name])
        try openssl("pkey", "-in", scratch[name], "-pubout", "-out", scratch[name + ".pub"])
    }

    private func signingKey(_ name: String = "key", password: String = "") throws -> SigningKey {
        let (pem, password) = (try bytes(name), Array(password.utf8))
        return try SigningKey(pem: pem.span, password: password.span)
    }

    private func verifyingKey(_ name: String = "key.pub") throws -> VerifyingKey {
        let pem = try bytes(name)
        return try VerifyingKey(pem: pem.span)
    }

    private static let text = Array("what is signed".utf8)

    private func isSignature(_ signature: [UInt8], of bytes: [UInt8] = text, by name: String = "key.pub") throws -> Bool
    {
        let key = try verifyingKey(name)
        return key.isSignature(signature.span, of: bytes.span)
    }

    private func digest(_ name: String) throws -> Digest {
        let key = try verifyingKey(name)
        return key.digest
    }

    private func secretDigest(_ name: String, password: String = "") throws -> Digest {
        let key = try signingKey(name, password: password)
        return key.verifyingKey.digest
    }

    @Test(arguments: [("prime256v1", "sha256"), ("secp384r1", "sha384"), ("secp521r1", "sha512")])
    func `signs and verifies as openssl does, with its curve's hash and no other`(curve: String, hash: String) throws {
        try makeKey(curve)
        try Data(Self.text).write(to: URL(filePath: scratch["text"]))
        let key = try signingKey()
        let signature = try key.sign(Self.text.span)
        try Data(signature).write(to: URL(filePath: scratch["sig"]))
        try openssl("dgst", "-\(hash)", "-verify", scratch["key.pub"], "-signature", scratch["sig"], scratch["text"])
        #expect(try isSignature(signature))
        for other in ["sha256", "sha384", "sha512"] {
            try openssl("dgst", "-\(other)", "-sign", scratch["key"], "-out", scratch["theirs"], scratch["text"])
            #expect(try isSignature(bytes("theirs")) == (other == hash), "\(other)")
        }
        #expect(try !isSignature(signature, of: Array("what is signeD".utf8)))
        for index in signature.indices {
            var bent = signature
            bent[index] ^= 1
            #expect(try !isSignature(bent), "byte \(index)")
        }
        for wrong in [[], Array(signature.dropLast()), signature + [0], Self.text] {
            #expect(try !isSignature(wrong))
        }
    }

    @Test func `is named by the hash of its PEM text, however the file is written`() throws {
        try makeKey("prime256v1")
        let pem = try bytes("key.pub")
        let name = SHA256.digest(of: pem.span)
        #expect(try secretDigest("key") == name)
        #expect(try digest("key.pub") == name)
        try openssl("ec", "-in", scratch["key"], "-pubout", "-conv_form", "compressed", "-out", scratch["short.pub"])
        try #require(try bytes("short.pub") != bytes("key.pub"))
        #expect(try digest("short.pub") == name)
        try openssl("pkcs8", "-topk8", "-nocrypt", "-in", scratch["key"], "-out", scratch["key.p8"])
        #expect(try secretDigest("key.p8") == name)
        // As `openssl ecparam -genkey` writes it: the curve, then the key.
        let both = try Tool.run("openssl", ["ecparam", "-name", "prime256v1"]).bytes + Data(bytes("key"))
        try both.write(to: URL(filePath: scratch["both"]))
        #expect(try secretDigest("both") == name)
    }

    @Test(arguments: ["-aes-256-cbc", "old"]) func `that is encrypted opens with its password alone`(how: String) throws
    {
        try makeKey("secp384r1")
        if how == "old" {
            try openssl("ec", "-in", scratch["key"], "-aes128", "-passout", "pass:secret", "-out", scratch["locked"])
        } else {
            try openssl(
                "pkcs8", "-topk8", "-in", scratch["key"], "-passout", "pass:secret", "-out", scratch["locked"])
        }
        let name = try digest("key.pub")
        #expect(try secretDigest("locked", password: "secret") == name)
        #expect(try secretDigest("key", password: "not needed") == name)
        let isLocked = try ["locked", "key", "key.pub"].map { name in
            let pem = try bytes(name)
            return SigningKey.isEncrypted(pem.span)
        }
        #expect(isLocked == [true, false, false])
        let error = #expect(throws: CakeError.self) { _ = try signingKey("locked", password: "Secret") }
        #expect(error?.kind == .usage && error?.what.contains("password") == true)
    }

    @Test(arguments: [
        ("genpkey -algorithm ed25519", "ED25519"), ("genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048", "RSA"),
        ("ecparam -genkey -name secp256k1 -noout", "secp256k1"),
        ("ecparam -genkey -name secp224r1 -noout", "secp224r1"),
        ("ecparam -genkey -name prime256v1 -noout -param_enc explicit", "numbers"),
    ])
    func `of another kind is refused with its kind`(command: String, word: String) throws {
        let done = try Tool.run("openssl", command.split(separator: " ").map(String.init) + ["-out", scratch["other"]])
        try #require(done.status == 0, "\(done.errors)")
        try openssl("pkey", "-in", scratch["other"], "-pubout", "-out", scratch["other.pub"])
        let secret = #expect(throws: CakeError.self) { _ = try signingKey("other") }
        let open = #expect(throws: CakeError.self) { _ = try verifyingKey("other.pub") }
        for error in [secret, open] {
            #expect(error?.kind == .usage && error?.what.contains(word) == true, "\(error?.what ?? "")")
            #expect(error?.fix?.contains("openssl") == true)
        }
    }

    @Test func `is refused where it is none, and the words say what it is`() throws {
        try makeKey("prime256v1")
        try openssl(
            "req", "-x509", "-new", "-key", scratch["key"], "-subj", "/CN=x", "-out", scratch["certificate"])
        var cut = try bytes("key")
        cut.removeSubrange(60..<90)
        try Data(cut).write(to: URL(filePath: scratch["cut"]))
        try Data("hello\n".utf8).write(to: URL(filePath: scratch["text"]))
        try Data().write(to: URL(filePath: scratch["empty"]))
        for (name, word) in [
            ("key.pub", "public key"), ("certificate", "CERTIFICATE"), ("cut", "libcrypto"), ("text", "PEM"),
            ("empty", "PEM"),
        ] {
            let error = #expect(throws: CakeError.self, "\(name)") { _ = try signingKey(name) }
            #expect(error?.kind == .usage && error?.what.contains(word) == true, "\(name): \(error?.what ?? "")")
        }
        for (name, word) in [("key", "private key"), ("certificate", "CERTIFICATE"), ("text", "PEM"), ("empty", "PEM")]
        {
            let error = #expect(throws: CakeError.self, "\(name)") { _ = try verifyingKey(name) }
            #expect(error?.kind == .usage && error?.what.contains(word) == true, "\(name): \(error?.what ?? "")")
        }
    }
}
