import Foundation
import Model
import Support
import Testing

@testable import cake

/// Signatures that others made, by openssl and sha256sum alone.
@Suite struct `A stranger's signature` {
    private let signing: SigningHome
    private var home: Home { signing.home }

    init() throws { signing = try SigningHome() }

    private func check(_ file: String, _ more: String...) throws -> Tool {
        try home.cake(["verify", "org/m", "--signature", file, "--key", signing.path("key.pub")] + more)
    }

    @Test func `is verified from the file that is named`() throws {
        let done = try check(try signing.bundle(signing.statement(), "s"))
        #expect(done.status == 0 && done.output.contains("3 files are as signed"), "\(done.errors)")
    }

    @Test func `is refused, and the words say why`() throws {
        let right = try signing.statement()
        func statement(_ old: String, _ new: String) -> String { right.replacing(old, with: new) }
        try signing.makeKey("other")
        try signing.makeKey("big", curve: "secp384r1")
        var bent = Array(try Data(contentsOf: URL(filePath: signing.bundle(right, "bent"))))
        let place = try #require(String(decoding: bent, as: UTF8.self).range(of: "\"payload\":\"eyJ"))
        let index = String(decoding: bent, as: UTF8.self)[..<place.upperBound].utf8.count
        bent[index] = bent[index] == UInt8(ascii: "A") ? UInt8(ascii: "B") : UInt8(ascii: "A")
        try Data(bent).write(to: home.path("bent"))
        try Data(count: SignatureBundle.maximumSize + 1).write(to: home.path("large"))
        let wrong: [(String, String, Int32)] = [
            (signing.path("bent"), "did not make this signature", 11),
            (try signing.bundle(right, "by-other", key: "other"), "did not make this signature", 11),
            (try signing.bundle(right, "sha384", hash: "sha384"), "did not make this signature", 11),
            (try signing.bundle(signing.statement(root: Digest.empty.hex), "root"), "list of files hashes to", 11),
            (try signing.bundle(statement("signature/v1.0", "Digests/v0.1"), "early"), "before version 1.0", 1),
            (try signing.bundle(statement("\"files\"", "\"shards\""), "shards"), "pieces of files", 1),
            (try signing.bundle(statement("sub/tok.txt", "../tok.txt"), "climbs"), "not allowed", 11),
            (try signing.bundle("{}", "nothing"), "_type", 11), (signing.path("large"), "limit", 11),
            (signing.path("key.pub"), "JSON", 11), (signing.path("none"), "none", 10),
        ]
        for (file, word, status) in wrong {
            let done = try check(file)
            #expect(done.status == status && done.errors.contains(word), "\(file): \(done.status) \(done.errors)")
            #expect(done.output == "", "\(file)")
        }
    }

    @Test func `of other files names each that differs, is missing, or is not signed`() throws {
        let file = try signing.bundle(
            try signing.statement(["config.json", "model.safetensors"]) {
                $0.replacing("\"config.json\"", with: "\"old/config.json\"")
            }, "s")
        let done = try check(file)
        #expect(done.status == 11)
        for line in ["missing: old/config.json", "not signed: config.json", "not signed: sub/tok.txt"] {
            #expect(done.output.contains("  \(line)\n"), "\(done.output)")
        }
        #expect(done.errors.contains("1 file is missing, 2 files are not signed"))
        try Data("changed\n".utf8).write(to: home.path("m/sub/tok.txt"))
        let right = try signing.bundle(signing.statement(), "t")
        let changed = try check(right)
        #expect(changed.status == 11 && changed.output.contains("  differs: sub/tok.txt\n"))
        let document = try #require(try check(right, "--json").document() as? [String: Any])
        #expect(document["verified"] as? Bool == false && document["different"] as? [String] == ["sub/tok.txt"])
    }

    @Test func `may leave files out when that is accepted`() throws {
        let file = try signing.bundle(signing.statement(["config.json", "model.safetensors"]), "s")
        #expect(try check(file).status == 11)
        let done = try check(file, "--ignore-unsigned-files")
        #expect(done.status == 0 && done.output.contains("not covered: .gitattributes, sub/tok.txt"), "\(done.output)")
    }

    @Test func `is compared with the key that the settings name, and with none that it brings itself`() throws {
        try signing.sign()
        let open = try home.cake("verify", "org/m", "--signature")
        #expect(open.status == 2 && open.errors.contains("cake config signature-key"))
        #expect(try home.cake("config", "signature-key", "key.pub").errors.contains("$PWD/key.pub"))
        try #require(try home.cake("config", "signature-key", "~/key.pub").status == 0)
        #expect(try home.cake("verify", "org/m", "--signature").status == 0)
        try signing.makeKey("other")
        #expect(try signing.verify("--signature", key: "other.pub").status == 11)
    }

    @Test(arguments: [
        (["verify", "--signature", "--key", "k"], "needs a model's name"),
        (["verify", "org/m", "--key", "k"], "add --signature"),
        (["verify", "org/m", "--ignore-unsigned-files"], "add --signature"),
        (["verify", "org/m", "--signature", "--repair"], "--repair"),
        (["verify", "--signature", "--subset", "1/7"], "--subset"),
        (["verify", "./m", "--signature"], "is a path"),
        (["verify", "org/m", "other", "--signature=s"], "one model"),
    ])
    func `is not asked for in a way that means nothing`(words: [String], said: String) throws {
        let done = try home.cake(words)
        #expect(done.status == 2 && done.errors.contains(said), "\(done.errors)")
    }
}
