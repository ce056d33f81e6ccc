import Foundation
import Model
import Support
import Testing

/// A home with a model, and keys by openssl.
struct SigningHome {
    let home: Home

    init() throws {
        home = try Home()
        let model = try home.makeModel("m")
        try Data("*.safetensors filter=lfs\n".utf8).write(to: model.appending(path: ".gitattributes"))
        try FileManager.default.createDirectory(at: model.appending(path: "sub"), withIntermediateDirectories: true)
        try Data("words\n".utf8).write(to: model.appending(path: "sub/tok.txt"))
        try #require(try home.cake("import", model.path, "org/m").status == 0)
        try makeKey("key")
    }

    func makeKey(_ name: String, curve: String = "prime256v1") throws {
        try openssl("ecparam", "-genkey", "-name", curve, "-noout", "-out", path(name))
        try openssl("pkey", "-in", path(name), "-pubout", "-out", path(name + ".pub"))
    }

    func path(_ name: String) -> String { home.path(name).path }

    func openssl(_ words: String...) throws {
        let done = try Tool.run("openssl", words)
        try #require(done.status == 0, "\(words): \(done.errors)")
    }

    @discardableResult
    func sign(_ more: String..., name: String = "org/m", key: String = "key") throws -> Tool {
        let done = try home.cake(["sign", name, "--key", path(key)] + more)
        try #require(done.status == 0, "\(done.errors)")
        return done
    }

    func verify(_ more: String..., name: String = "org/m", key: String = "key.pub") throws -> Tool {
        try home.cake(["verify", name, "--key", path(key)] + more)
    }

    /// A bundle as openssl alone makes it. `statement` is what is signed.
    /// With certificates it names these, and no key.
    func bundle(
        _ statement: String, _ name: String, hash: String = "sha256", key: String = "key", certificates: [String] = []
    ) throws -> String {
        let payload = Array(statement.utf8)
        try Data(SignatureBundle.signedBytes(of: payload)).write(to: home.path("pae"))
        try openssl("dgst", "-\(hash)", "-sign", path(key), "-out", path("der"), path("pae"))
        let signature = Array(try Data(contentsOf: home.path("der")))
        let bundle = SignatureBundle(payload: payload, signature: signature, hint: nil)
        var text = String(decoding: bundle.encoded, as: UTF8.self)
        if !certificates.isEmpty {
            let chain = try certificates.map { certificate in
                try openssl("x509", "-in", path(certificate), "-outform", "DER", "-out", path("der"))
                return #"{"rawBytes":"\#(try Data(contentsOf: home.path("der")).base64EncodedString())"}"#
            }
            text = text.replacing(
                #""publicKey":{}"#, with: #""x509CertificateChain":{"certificates":[\#(chain.joined(separator: ","))]}"#
            )
        }
        try Data(text.utf8).write(to: home.path(name))
        return path(name)
    }

    /// A certificate for a key, by an authority or by itself. `extensions` are lines of openssl's.
    func certify(_ key: String, by authority: String? = nil, _ extensions: String..., days: String = "30") throws {
        try Data((["[v]"] + extensions).joined(separator: "\n").utf8).write(to: home.path("extensions"))
        try openssl("req", "-new", "-key", path(key), "-subj", "/CN=\(key)", "-out", path("request"))
        let signer =
            authority.map { ["-CA", path($0 + ".pem"), "-CAkey", path($0), "-CAcreateserial"] }
            ?? ["-signkey", path(key)]
        let done = try Tool.run(
            "openssl",
            [
                "x509", "-req", "-in", path("request"), "-days", days, "-extfile", path("extensions"), "-extensions",
                "v",
                "-out", path(key + ".pem"),
            ] + signer)
        try #require(done.status == 0, "\(done.errors)")
    }

    /// What a signer writes of the model's files, by sha256sum. Each entry can be changed.
    func statement(
        _ files: [String] = ["config.json", "model.safetensors", "sub/tok.txt"], root: String? = nil,
        _ change: (String) -> String = { $0 }
    ) throws -> String {
        var (entries, raw): ([String], [UInt8]) = ([], [])
        for file in files {
            let bytes = Array(try Data(contentsOf: home.path("m/" + file)))
            let digest = try Tool.run("sha256sum", [path("m/" + file)]).output.prefix(64)
            #expect(!bytes.isEmpty)
            raw += try #require(Digest(hex: String(digest))).bytes
            entries.append(#"{"algorithm":"sha256","digest":"\#(digest)","name":"\#(file)"}"#)
        }
        try Data(raw).write(to: home.path("raw"))
        let digest = try root ?? String(Tool.run("sha256sum", [path("raw")]).output.prefix(64))
        return change(
            #"""
            {"predicate": {"resources": [\#(entries.joined(separator: ", "))],
              "serialization": {"method": "files", "hash_type": "sha256", "allow_symlinks": false}},
             "predicateType": "https://model_signing/signature/v1.0", "_type": "https://in-toto.io/Statement/v1",
             "subject": [{"name": "m", "digest": {"sha256": "\#(digest)"}}]}
            """#)
    }
}
