import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite struct `A signed model` {
    private let signing: SigningHome
    private var home: Home { signing.home }

    init() throws { signing = try SigningHome() }

    @Test(arguments: ["prime256v1", "secp384r1", "secp521r1"])
    func `is verified with the public key, says so, and openssl agrees`(curve: String) throws {
        try signing.makeKey("k", curve: curve)
        let said = try signing.sign(key: "k").output
        #expect(
            said.contains("signed org/m with the key") && said.contains("3 files") && said.contains(".gitattributes"))
        let done = try signing.verify("--signature", key: "k.pub")
        #expect(done.status == 0, "\(done.errors)")
        #expect(done.output.contains("3 files are as signed") && done.output.contains("read no model data"))
        let document = try #require(
            try home.cake("verify", "org/m", "--signature", "--key", signing.path("k.pub"), "--json").document()
                as? [String: Any])
        #expect(document["verified"] as? Bool == true && document["signature"] as? String == "store")
        #expect(document["left_out"] as? [String] == [".gitattributes"])
        // By openssl alone, from the exported file.
        try #require(try home.cake("export", "org/m", "-o", signing.path("out")).status == 0)
        let bytes = Array(try Data(contentsOf: home.path("out/model.sig")))
        let bundle = try SignatureBundle(parsing: bytes.span)
        try Data(bundle.signedBytes).write(to: home.path("pae"))
        try Data(bundle.signature).write(to: home.path("der"))
        let hash = ["prime256v1": "sha256", "secp384r1": "sha384", "secp521r1": "sha512"][curve] ?? ""
        try signing.openssl(
            "dgst", "-" + hash, "-verify", signing.path("k.pub"), "-signature", signing.path("der"), signing.path("pae")
        )
        let sum = try Tool.run("sha256sum", [signing.path("k.pub")]).output.prefix(64)
        #expect(bundle.hint == String(sum) && document["key"] as? String == String(sum))
    }

    @Test func `is exported with its signature, imported with it, and verified by that file`() throws {
        try signing.sign()
        let said = try home.cake("export", "org/m", "-o", signing.path("out"))
        #expect(said.output.contains("with model.sig"))
        #expect(try home.cake("export", "org/m", "-o", signing.path("out")).output.contains("were there already"))
        try #require(try home.cake("import", signing.path("out"), "back").status == 0)
        let done = try signing.verify("--signature", name: "back")
        #expect(done.status == 0 && done.output.contains("model.sig, a file of the model"), "\(done.errors)")
        let shown = try home.cake("inspect", "back").output
        #expect(shown.contains("Signed by") && shown.contains("(model.sig)"))
        // Its own file stays, whatever is signed here.
        try signing.sign(name: "back")
        try #require(try home.cake("export", "back", "-o", signing.path("again")).status == 0)
        #expect(home.areEqual("out", "again"))
    }

    @Test func `is not exported with it where not all files are written, or they are others`() throws {
        try signing.sign()
        for more in [["--include", "*.json"], ["--format", "safetensors"]] {
            try #require(try home.cake(["export", "org/m", "-o", signing.path("part")] + more).status == 0)
            #expect(!FileManager.default.fileExists(atPath: signing.path("part/model.sig")), "\(more)")
        }
        #expect(try home.cake("export", "org/m", "-o", "x", "--dry-run").output.contains("model.sig"))
    }

    @Test func `is another one after its name has moved, and the same when it is back`() throws {
        try signing.sign()
        let id = try #require(
            try (home.cake("inspect", "org/m", "--json").document() as? [String: Any])?["id"] as? String)
        try Data("other\n".utf8).write(to: home.path("m/sub/tok.txt"))
        try #require(try home.cake("import", signing.path("m"), "org/m", "--force").status == 0)
        let moved = try signing.verify("--signature")
        #expect(moved.status == 10 && moved.errors.contains("has no signature"))
        #expect(!(try home.cake("inspect", "org/m").output.contains("Signed by")))
        #expect(try home.cake("gc").status == 0)
        try #require(try home.cake("tag", "org/m@\(id)").status == 0)
        #expect(try signing.verify("--signature").status == 0)
    }

    @Test func `loses its signature with its manifest`() throws {
        try signing.sign()
        try #require(try home.cake("rm", "org/m").status == 0)
        try #require(try home.cake("gc", "--now").status == 0)
        #expect(try FileManager.default.contentsOfDirectory(atPath: home.store.path + "/signatures").isEmpty)
    }

    @Test func `is shown by inspect, with each key`() throws {
        try signing.makeKey("second")
        try signing.sign()
        try signing.sign(key: "second")
        let document = try #require(try home.cake("inspect", "org/m", "--json").document() as? [String: Any])
        let keys = (document["signatures"] as? [[String: Any]])?.compactMap { $0["key"] as? String } ?? []
        #expect(Set(keys).count == 2 && keys.allSatisfy { $0.count == 64 })
        #expect(try home.cake("inspect", "org/m").output.components(separatedBy: "Signed by").count == 3)
        for key in ["key.pub", "second.pub"] { #expect(try signing.verify("--signature", key: key).status == 0) }
        try signing.makeKey("third")
        let other = try signing.verify("--signature", key: "third.pub")
        #expect(other.status == 11 && other.errors.contains("another key"))
    }

    @Test func `needs an encrypted key's password from a file where there is no terminal`() throws {
        try signing.openssl(
            "pkcs8", "-topk8", "-in", signing.path("key"), "-passout", "pass:se cret", "-out", signing.path("locked"))
        try Data("se cret\nmore\n".utf8).write(to: home.path("password"))
        try Data("wrong\n".utf8).write(to: home.path("wrong"))
        try Data("\n".utf8).write(to: home.path("empty"))
        try signing.sign("--key-password-file", signing.path("password"), key: "locked")
        for (more, word) in [
            ([], "--key-password-file FILE"), (["--key-password-file", signing.path("wrong")], "does not open it"),
            (["--key-password-file", signing.path("empty")], "is empty"),
        ] {
            let done = try home.cake(["sign", "org/m", "--key", signing.path("locked")] + more)
            #expect(done.status == 2 && done.errors.contains(word), "\(more): \(done.errors)")
        }
    }

    @Test func `is not signed with what is no key for it, and nothing is kept`() throws {
        try signing.openssl("genpkey", "-algorithm", "ed25519", "-out", signing.path("ed"))
        for (words, status, word) in [
            (["org/m"], 2, "--key FILE"), (["org/m", "--key", signing.path("key.pub")], 2, "public key"),
            (["org/m", "--key", signing.path("ed")], 2, "ED25519"),
            (["org/m", "--key", signing.path("none")], 10, "none"),
            (["org/x", "--key", signing.path("key")], 10, "no model"),
            (["org/m", "--private_key", signing.path("key")], 2, "--key FILE"),
        ] as [([String], Int32, String)] {
            let done = try home.cake(["sign"] + words)
            #expect(done.status == status && done.errors.contains(word), "\(words): \(done.status) \(done.errors)")
        }
        #expect(try signing.verify("--signature").status == 10)
    }
}
