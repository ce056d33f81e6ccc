import Model
import Support
import Testing

private let hex = String(repeating: "0a", count: 32)
private let longHex = String(repeating: "0a", count: 64)

@Suite struct `A name in a registry` {
    @Test func `of a blob is an algorithm and its digits, and nothing else`() {
        #expect(BlobName("sha256:" + hex)?.sha256 == Digest(hex: hex))
        #expect(BlobName("sha512:" + longHex)?.description == "sha512:" + longHex)
        #expect(BlobName("sha512:" + longHex)?.sha256 == nil)
        for text in ["sha256:" + hex, "sha512:" + longHex] {
            let name = BlobName(text)
            #expect(name.flatMap { BlobName(fileName: $0.fileName) } == name)
        }
        for text in [
            "", "sha256:", "sha256:" + hex.uppercased(), "sha256:" + longHex, "sha512:" + hex, "sha256-" + hex,
            "SHA256:" + hex,
            "sha256:" + hex.dropLast() + "/", "sha256:../" + hex.dropFirst(3), "md5:" + hex, "sha256:" + hex + "\n",
            hex,
            "sha256::" + hex.dropFirst(), "blake3:" + hex,
        ] {
            #expect(BlobName(text) == nil, "\(text)")
        }
    }

    @Test func `of a repository has no part that leads elsewhere`() {
        for text in ["a", "team/model", "a.b", "a_b", "a__b", "a---b", "0/1/2", String(repeating: "a", count: 255)] {
            let name = RepositoryName(text)
            #expect(name?.text == text && name.flatMap { RepositoryName(fileName: $0.fileName) } == name, "\(text)")
            #expect(name?.fileName.utf8.contains(UInt8(ascii: "/")) == false)
        }
        for text in [
            "", "/", "a/", "/a", "a//b", "A", "a..b", "a___b", "..", "a/../b", ".a", "a.", "-a", "a+b", "a b", "é",
            "a\u{0}",
            "a%2fb", String(repeating: "a", count: 256), "a:b", "a@b",
        ] {
            #expect(RepositoryName(text) == nil, "\(text)")
        }
    }

    @Test func `of a tag is the name of a file`() {
        for text in ["latest", "v1.0", "_a", "A-b.c", String(repeating: "a", count: 128)] {
            #expect(TagName(text)?.text == text)
        }
        for text in ["", ".a", "-a", "a/b", "..", "a b", "é", "a:b", String(repeating: "a", count: 129)] {
            #expect(TagName(text) == nil, "\(text)")
        }
    }
}

@Suite struct `An address of a registry` {
    private func route(_ raw: String) throws -> RegistryRoute? {
        try RequestTarget(raw).flatMap { target throws(RegistryError) in try RegistryRoute(target.parts) }
    }

    @Test func `is read from its end`() throws {
        let name = try #require(RepositoryName("a/blobs/uploads"))
        let blob = try #require(BlobName("sha256:" + hex))
        let upload = String(repeating: "ab", count: 16)
        #expect(try route("/v2/") == .base && route("/v2") == .base && route("/v2/_catalog?n=1") == .catalog)
        #expect(try route("/v2/a/blobs/uploads/blobs/\(blob)") == .blob(name, blob))
        #expect(try route("/v2/a/blobs/uploads/blobs/sha256%3A\(hex)") == .blob(name, blob))
        #expect(try route("/v2/a/blobs/uploads/blobs/uploads/") == .uploads(name))
        #expect(try route("/v2/a/blobs/uploads/blobs/uploads") == .uploads(name))
        #expect(
            try route("/v2/a/blobs/uploads/blobs/uploads/\(upload)") == UploadName(upload).map { .upload(name, $0) })
        #expect(try route("/v2/a/blobs/uploads/manifests/v1") == TagName("v1").map { .manifest(name, .tag($0)) })
        #expect(try route("/v2/a/blobs/uploads/manifests/.INVALID") == .manifest(name, .none(".INVALID")))
        #expect(try route("/v2/a/blobs/uploads/tags/list?n=3") == .tags(name))
        #expect(try route("/v2/a/blobs/uploads/referrers/\(blob)") == .referrers(name, blob))
        for other in ["/", "/v1/", "/v2/a", "/v2/a/b/c", "/v2/a/tags/other", "/healthz"] {
            #expect(try route(other) == nil, "\(other)")
        }
    }

    @Test(
        arguments: [
            ("/v2/A/tags/list", 400, .nameInvalid), ("/v2/a/../tags/list", 400, .nameInvalid),
            ("/v2/a//tags/list", 400, .nameInvalid),
            ("/v2/a/blobs/sha256:1", 400, .digestInvalid), ("/v2/a/referrers/x", 400, .digestInvalid),
            ("/v2/a/manifests/sha256:1", 400, .digestInvalid),
            ("/v2/a/blobs/uploads/1234", 404, .blobUploadUnknown),
        ] as [(String, Int, RegistryError.Code)])
    func `is refused in the specification's words`(raw: String, status: Int, code: RegistryError.Code) throws {
        let error = #expect(throws: RegistryError.self) { _ = try route(raw) }
        #expect(error?.status == status && error?.code == code)
    }

    @Test func `is undone from its percents after it was cut`() throws {
        #expect(RequestTarget("/a%2Fb/c") == nil && RequestTarget("/a%00") == nil && RequestTarget("/a%zz") == nil)
        #expect(RequestTarget("a") == nil && RequestTarget("/" + String(repeating: "a", count: 9000)) == nil)
        let target = try #require(RequestTarget("/a?tag=x&tag=y%20z&from=q%2Fr&empty"))
        #expect(
            target.all("tag") == ["x", "y z"] && target["from"] == "q/r" && target["empty"] == "" && target["no"] == nil
        )
    }
}

@Suite struct `What a header says` {
    @Test(
        arguments: [
            (nil, .whole), ("bytes=0-", .part(0..<10)), ("bytes=3-5", .part(3..<6)), ("bytes=3-99", .part(3..<10)),
            ("bytes=-3", .part(7..<10)),
            ("bytes=-99", .part(0..<10)), ("bytes=10-", .beyond), ("bytes=-0", .beyond), ("bytes=5-3", .whole),
            ("bytes=0-1,3-4", .whole),
            ("bytes=", .whole), ("bytes=a-b", .whole), ("items=0-1", .whole),
            ("bytes=0-18446744073709551615", .part(0..<10)),
            ("bytes=18446744073709551616-", .whole), ("bytes=9-9", .part(9..<10)), ("bytes=-", .whole),
        ] as [(String?, ByteRange)])
    func `of a range`(header: String?, range: ByteRange) {
        #expect(ByteRange(header: header, size: 10) == range, "\(header ?? "")")
    }

    @Test func `of a range of nothing`() {
        #expect(ByteRange(header: "bytes=0-", size: 0) == .beyond && ByteRange(header: nil, size: 0) == .whole)
    }

    @Test func `of a chunk`() {
        #expect(ByteRange.chunk("0-0") == 0..<1 && ByteRange.chunk("5-9") == 5..<10)
        for text in ["", "5-4", "-4", "4-", "bytes 0-1/2", "0-18446744073709551615", "a-b", "1-2-3"] {
            #expect(ByteRange.chunk(text) == nil)
        }
    }

    @Test func `of a challenge, with commas in quotes and more than one`() throws {
        let all = Challenge.all(
            in:
                #"Basic realm="a \"b\"", Bearer realm="https://h/t",service=reg,scope="repository:a/b:pull,push",SERVICE="evil""#
        )
        #expect(all.map(\.scheme) == ["basic", "bearer"])
        #expect(all.first?["realm"] == #"a "b""#)
        #expect(all.last?["service"] == "reg" && all.last?["scope"] == "repository:a/b:pull,push")
        for text in ["", ",", #"Bearer realm="open"#, "=", "\"", "Bearer =x"] {
            #expect(Challenge.all(in: text).allSatisfy { $0["realm"] == nil })
        }
        var random = SeededNumbers(seed: 5)
        for _ in 0..<2000 {
            _ = Challenge.all(
                in: String(decoding: random.injure(Array(#"Basic a="b", Bearer c=d"#.utf8)), as: UTF8.self))
        }
    }

    @Test func `of a scope`() throws {
        let scope = try #require(RegistryScope("repository:team/model:push,pull"))
        #expect(scope.description == "repository:team/model:pull,push")
        for text in [
            "", "repository:A:pull", "registry:catalog:*", "repository:a", "repository:a:pull:x", "repository:a:own",
        ] {
            #expect(RegistryScope(text) == nil, "\(text)")
        }
    }
}

@Suite struct `A manifest that somebody pushes` {
    private func read(_ text: String) throws -> RegistryManifest {
        try RegistryManifest(parsing: Array(text.utf8).span)
    }
    private let blob = #"{"mediaType":"a/b","digest":"sha256:\#(hex)","size":3,"annotations":{"x":"y"}}"#

    @Test func `says what it needs`() throws {
        let image = try read(
            #"{"schemaVersion":2,"mediaType":"m","config":\#(blob),"layers":[\#(blob),\#(blob.replacing("}}", with: #"},"urls":["http://a"]}"#))],"x":[{}],"subject":\#(blob)}"#
        )
        #expect(
            image.needed.count == 2 && image.layers.count == 2 && image.subject?.size == 3
                && image.artifactKind == "a/b")
        let index = try read(
            #"{"schemaVersion":2,"manifests":[\#(blob)],"layers":null,"subject":null,"artifactType":"t"}"#)
        #expect(index.needed.isEmpty && index.manifests.count == 1 && index.subject == nil && index.artifactKind == "t")
        #expect(try read(#"{"schemaVersion":2}"#).needed.isEmpty)
    }

    @Test func `is told of to whoever asks what refers to its subject`() throws {
        let text = #"{"schemaVersion":2,"config":\#(blob),"annotations":{"k":"v\u00e9"}}"#
        let name = try #require(BlobName("sha256:" + hex))
        let listed = try read(text).referrer(name, mediaType: "m", in: Array(text.utf8).span)
        #expect(
            listed["artifactType"] == "a/b" && listed["annotations"]?["k"] == "vé"
                && listed["size"] == JSONValue(text.utf8.count))
    }

    @Test(arguments: [
        "", "[]", "{}", #"{"schemaVersion":1}"#, #"{"schemaVersion":"2"}"#, #"{"schemaVersion":2,"schemaVersion":2}"#,
        #"{"schemaVersion":2,"config":{}}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:1","size":1}}"#,
        #"{"schemaVersion":2,"layers":{}}"#, #"{"schemaVersion":2,"layers":[1]}"#,
        #"{"schemaVersion":2,"annotations":[]}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a","digest":"sha256:\#(hex)","size":-1}}"#,
        #"{"schemaVersion":2,"config":{"mediaType":"a","size":1,"size":1,"digest":"sha256:\#(hex)"}}"#,
        #"{"schemaVersion":2} x"#,
    ]) func `is refused when nobody can say what it means`(text: String) {
        #expect(throws: CakeError.self) { _ = try read(text) }
    }
}
