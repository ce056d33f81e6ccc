import Model
import Support
import Testing

private let zero = Digest(words: (0, 0, 0, 0)).hex
private let one = Digest(words: (0, 0, 0, 1)).hex

private func entry(_ name: String, _ digest: String = zero, algorithm: String = "sha256") -> String {
    #"{"name":"\#(name)","algorithm":"\#(algorithm)","digest":"\#(digest)"}"#
}

private func text(
    type: String = "https://in-toto.io/Statement/v1", kind: String = "https://model_signing/signature/v1.0",
    subject: String = #"[{"name":"m","digest":{"sha256":"\#(zero)"}}]"#,
    listing: String = #"{"method":"files","hash_type":"sha256","allow_symlinks":false}"#, files: String = entry("a")
) -> String {
    #"{"_type":"\#(type)","subject":\#(subject),"predicateType":"\#(kind)","#
        + #""predicate":{"serialization":\#(listing),"resources":[\#(files)]}}"#
}

@Suite struct `A signed statement` {
    private func read(_ text: String) throws(CakeError) -> SignedStatement {
        try SignedStatement(parsing: Array(text.utf8).span)
    }

    private func file(_ path: String, _ number: UInt64 = 0) throws -> Manifest.File {
        try Manifest.File(
            path: FilePath(path), digest: Digest(words: (0, 0, 0, number)), size: 0, segments: [])
    }

    @Test func `lists files by code point, without git's, and names what it leaves out`() throws {
        let paths = ["a/b", "a-b", "a.d/x", ".gitattributes", ".github/x", "sub/.gitignore", "é", "z"]
        let files = try paths.enumerated().map { try file($1, UInt64($0)) }
        var hashed: [UInt8] = []
        let statement = try SignedStatement(of: files, name: "m") { digests in
            hashed = digests
            return Digest(words: (0, 0, 0, 9))
        }
        #expect(statement.files.map(\.path.string) == ["a-b", "a.d/x", "a/b", "sub/.gitignore", "z", "é"])
        #expect(hashed == statement.files.flatMap(\.digest.bytes))
        #expect(statement.leftOut.map(\.string) == [".git", ".gitattributes", ".github", ".gitignore", "model.sig"])
        #expect(try read(String(decoding: statement.encoded, as: UTF8.self)) == statement)
        #expect(!statement.encoded.contains(0x0a))
    }

    @Test func `covers a model.sig that is the model's own`() throws {
        let statement = try SignedStatement(of: [file("a"), file("model.sig", 1)], name: "m") { _ in .empty }
        #expect(statement.files.map(\.path.string) == ["a", "model.sig"])
        #expect(!statement.leftOut.map(\.string).contains("model.sig"))
    }

    @Test func `is not made of nothing`() {
        #expect(throws: CakeError.self) { try SignedStatement(of: [file(".gitignore")], name: "m") { _ in .empty } }
    }

    @Test(arguments: [
        (
            "any order of keys",
            #"{"predicate":{"resources":[{"digest":"\#(zero)","name":"a","algorithm":"sha256"}],"serialization":{"hash_type":"sha256","method":"files"}},"subject":[{"digest":{"sha256":"\#(zero)"}}],"predicateType":"https://model_signing/signature/v1.0","_type":"https://in-toto.io/Statement/v1"}"#
        ),
        ("any order of files", text(files: entry("b") + "," + entry("a/b") + "," + entry("a-b"))),
        ("another name", text(subject: #"[{"name":"model","digest":{"sha256":"\#(zero)"}}]"#)),
        ("symlinks allowed", text(listing: #"{"method":"files","hash_type":"sha256","allow_symlinks":true}"#)),
        (
            "ignored paths that are none",
            text(listing: #"{"method":"files","hash_type":"sha256","ignore_paths":["..","/x",".",".git/"]}"#)
        ),
    ])
    func `is read with`(what: String, text: String) throws {
        let statement = try read(text)
        #expect(!statement.files.isEmpty && statement.leftOut.allSatisfy { $0.string == ".git" })
    }

    @Test(arguments: [
        (text(type: "https://in-toto.io/Statement/v0.1"), "_type"),
        (text(kind: "https://slsa.dev/provenance/v1"), "predicateType"),
        (text(kind: "https://model_signing/Digests/v0.1"), "before version 1.0"),
        (text(subject: "[]"), "no subject"),
        (
            text(subject: #"[{"digest":{"sha256":"\#(zero)"}},{"digest":{"sha256":"\#(zero)"}}]"#),
            "more than one subject"
        ),
        (text(subject: #"[{"digest":{"sha512":"00"}}]"#), "no sha256"),
        (text(subject: #"[{"digest":{"sha256":"00"}}]"#), "SHA-256"),
        (
            text(listing: #"{"method":"shards","hash_type":"sha256","shard_size":1000}"#, files: entry("a:0:1000")),
            "shards"
        ),
        (text(listing: #"{"method":"tree","hash_type":"sha256"}"#), "method"),
        (text(listing: #"{"method":"files","hash_type":"blake3"}"#), "blake3"),
        (text(listing: #"{"method":"files"}"#), "no hash_type"),
        (text(files: entry("a", algorithm: "blake2b")), "blake2b"),
        (text(files: entry("a", "AB")), "SHA-256"), (text(files: entry("a", zero.uppercased() + "0")), "SHA-256"),
        (text(files: entry("../a")), "not allowed"), (text(files: entry("a/../b")), "not allowed"),
        (text(files: entry("/etc/passwd")), "absolute"), (text(files: entry("a/./b")), "not allowed"),
        (text(files: entry("a//b")), "empty part"), (text(files: entry("")), "empty"),
        (text(files: entry("a\\u0000b")), "control"),
        (text(files: entry("a") + "," + entry("a", one)), "twice"),
        (text(files: entry(".") + "," + entry("a")), "without a name"),
        (text(files: entry("a") + "," + entry(".")), "without a name"), (text(files: ""), "no files"),
        (text(files: #"{"name":"a","name":"b","algorithm":"sha256","digest":"\#(zero)"}"#), "twice"),
        (text(files: "7"), "object is missing"), ("{}", "no _type"),
    ])
    func `is refused with words`(text: String, word: String) {
        let error = #expect(throws: CakeError.self) { try read(text) }
        #expect(error?.what.contains(word) == true, "\(error?.what ?? "")")
    }

    @Test func `is compared with a model file by file, and each difference has a name`() throws {
        let statement = try read(
            text(
                listing: #"{"method":"files","hash_type":"sha256","ignore_paths":["cache","notes.txt"]}"#,
                files: ["a", "b", "gone", "x/y"].map { entry($0) }.joined(separator: ",")))
        let files = try [
            file("a"), file("b", 1), file("x/y"), file("x/z"), file("cache/deep/1"), file("cached"), file("notes.txt"),
            file(".gitattributes"), file("sub/.gitignore"), file("model.sig", 7),
        ]
        let found = SignedComparison(of: files, with: statement, signature: Digest(words: (0, 0, 0, 7)))
        func names(_ paths: [FilePath]) -> [String] { paths.map(\.string) }
        #expect(found.matching == 2 && names(found.different) == ["b"] && names(found.missing) == ["gone"])
        #expect(names(found.unsigned) == ["x/z", "cached", "sub/.gitignore"])
        #expect(names(found.leftOut) == ["cache/deep/1", "notes.txt", ".gitattributes", "model.sig"])
        #expect(!found.isRight(ignoringUnsigned: true))
    }

    @Test func `accepts files that are not signed only when told so`() throws {
        let statement = try read(text())
        let found = SignedComparison(of: try [file("a"), file("b")], with: statement, signature: nil)
        #expect(!found.isRight(ignoringUnsigned: false) && found.isRight(ignoringUnsigned: true))
    }

    @Test func `of one file without a name fits a model of one file`() throws {
        let statement = try read(text(files: entry(".")))
        #expect(statement.unnamedFile != nil)
        func isRight(_ files: [Manifest.File]) -> Bool {
            SignedComparison(of: files, with: statement, signature: nil).isRight(ignoringUnsigned: true)
        }
        #expect(isRight(try [file("m.gguf"), file(".gitattributes", 4)]))
        #expect(!isRight(try [file("m.gguf", 1)]))
        #expect(!isRight(try [file("m.gguf"), file("n.gguf")]))
        #expect(!isRight([]))
    }
}
