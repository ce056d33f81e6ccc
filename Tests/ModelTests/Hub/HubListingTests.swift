import Model
import Support
import Testing

private let commit = "0123456789abcdeffedcba98765432100a1b2c3d"
private let hash = String(repeating: "ab", count: 32)
private let stars = String(repeating: "*", count: 64)

private func tree(_ pages: String...) throws -> Snapshot {
    var tree = HubTree()
    for page in pages { try tree.add(page: Array(page.utf8).span) }
    return try tree.snapshot(of: try HubRepository("org/name"), revision: nil, commit: commit)
}

private func info(_ text: String) throws -> HubInfo { try HubInfo(parsing: Array(text.utf8).span) }

@Suite struct `A tree of files` {
    @Test func `is read over several pages, with what each hash is of`() throws {
        let snapshot = try tree(
            """
            [{"type":"directory","oid":"\(commit)","size":0,"path":"sub"},
             {"type":"file","oid":"\(commit)","size":134,"path":"model.safetensors","xetHash":"\(hash)",
              "lfs":{"oid":"\(hash)","size":5000000000,"pointerSize":134},"lastCommit":null}]
            """,
            """
            [{"type":"file","oid":"\(commit)","size":12,"path":"sub/config.json"},
             {"type":"file","oid":"\(commit)","size":9,"path":"secret.bin","xetHash":"\(stars)","lfs":{"oid":"\(stars)","size":9}},
             {"type":"file","oid":"\(commit)","size":8,"path":"xet.bin","xetHash":"\(stars)"},
             {"type":"commit","oid":"\(commit)","size":0,"path":"submodule"}]
            """)
        #expect(snapshot.files.map(\.path.string) == ["model.safetensors", "secret.bin", "sub/config.json", "xet.bin"])
        #expect(snapshot.size == 5_000_000_029)
        let (model, secret, config) = (snapshot.files[0], snapshot.files[1], snapshot.files[2])
        #expect(model.isLarge && model.sha256?.hex == hash && model.xetHash?.text == hash && model.gitDigest == nil)
        #expect(model.blob?.hex == commit)
        #expect(secret.isLarge && secret.sha256 == nil && secret.xetHash == nil && secret.gitDigest == nil)
        #expect(!config.isLarge && config.gitDigest?.hex == commit && config.sha256 == nil)
        #expect(snapshot.files[3].isLarge && snapshot.files[3].gitDigest == nil)
        #expect(snapshot.file(at: config.path) == config)
        #expect(snapshot.file(at: try FilePath("sub/configs")) == nil)
        #expect(snapshot.file(at: try FilePath("zzz")) == nil)
    }

    @Test(arguments: [
        ("{}", "an array is missing"), ("[", "closing bracket"), ("[1]", "an object is missing"),
        (#"[{"type":"file","path":"../x","size":1}]"#, "a part that is not allowed"),
        (#"[{"type":"file","path":"/x","size":1}]"#, "absolute"),
        (#"[{"type":"file","path":"a\\b","size":1}]"#, "backslash"),
        (#"[{"type":"file","path":"a\u0000","size":1}]"#, "control"), (#"[{"type":"file","size":1}]"#, "empty"),
        (#"[{"type":"file","path":"x"}]"#, "no size"), (#"[{"type":"file","path":"x","size":-1}]"#, "no size"),
        (#"[{"type":"file","path":"x","size":1.5}]"#, "no size"),
        (#"[{"type":"file","path":"x","size":1e300}]"#, "no size"),
        (#"[{"type":"file","path":"x","size":9223372036854775808}]"#, "claims 9223372036854775808 bytes"),
        (#"[{"type":"file","path":"x","size":1,"lfs":{"size":-1}}]"#, "no size"),
        (#"[{"type":"file","path":"x","size":1,"lfs":{"size":2}}]"#, "two sizes"),
        (#"[{"type":"file","path":"x","path":"y","size":1}]"#, "two paths"),
        (#"[{"type":"file","path":"x","size":1,"oid":"xyz"}]"#, "not a hash"),
        (#"[{"type":"file","path":"x","size":1,"lfs":{"oid":"../../etc/passwd","size":1}}]"#, "not a hash"),
        (#"[{"type":"file","path":"x","size":1,"xetHash":"ABCD"}]"#, "not a hash"),
        (#"[{"type":"file","path":"x","size":1},{"type":"file","path":"x","size":1}]"#, "the same file on some disks"),
        (#"[{"type":"file","path":"x","size":1},{"type":"file","path":"X","size":1}]"#, "the same file on some disks"),
        (#"[{"type":"file","path":"x","size":1},{"type":"file","path":"x/y","size":1}]"#, "needs a folder"),
        (#"[{"type":"directory","path":"sub"},{"type":"file","path":"sub.x","size":1}]"#, "without contents"),
    ]) func `is refused when it makes no sense`(page: String, why: String) throws {
        let error = try #require(throws: CakeError.self) { try tree(page) }
        #expect(error.kind == .damaged)
        #expect(error.what.contains(why), "\(error)")
    }

    @Test func `refuses sizes that add up to more than there is`() throws {
        let sizes = (0..<300).map { #"{"type":"file","path":"\#($0)","size":281474976710656}"# }
        let error = try #require(throws: CakeError.self) { try tree("[" + sizes.joined(separator: ",") + "]") }
        #expect(error.what.contains("claims 72339069014638592 bytes, and the limit is 72057594037927936"))
    }

    @Test func `may have fifty thousand files, and may not have two million`() throws {
        func page(_ number: Int) -> [UInt8] {
            let entries = (0..<1000).map { #"{"type":"file","path":"\#(number)/\#($0)","size":1}"# }
            return Array("[\(entries.joined(separator: ","))]".utf8)
        }
        var tree = HubTree()
        for number in 0..<50 { try tree.add(page: page(number).span) }
        let snapshot = try tree.snapshot(of: HubRepository("a"), revision: "main", commit: commit)
        #expect(snapshot.files.count == 50_000)
        #expect(HubTree.maximumEntries < 2_000_000)
        var short = HubTree(maximumEntries: 1500)
        try short.add(page: page(0).span)
        let second = page(1)
        let error = try #require(throws: CakeError.self) { try short.add(page: second.span) }
        #expect(error.what.contains("does not end"))
        let empty = Array("[]".utf8)
        var endless = HubTree(maximumPages: 3)
        for _ in 0..<3 { try endless.add(page: empty.span) }
        #expect(throws: CakeError.self) { try endless.add(page: empty.span) }
    }

    @Test func `may hide what its caller may not know, and then gives no coordinates`() throws {
        let git = String(repeating: "*", count: 40)
        for large in [
            #""xetHash":"\#(stars)","lfs":{"oid":"\#(stars)","size":9,"pointerSize":"***"}"#,
            #""lfs":{"oid":"\#(stars)","size":9}"#, #""xetHash":"\#(stars)""#, #""xetHash":"***","lfs":null"#,
        ] {
            let page = #"[{"type":"file","oid":"\#(git)","size":9,"path":"a.bin",\#(large)}]"#
            let file = try tree(page).files[0]
            #expect(file.xetHash == nil && file.sha256 == nil && file.blob == nil && file.gitDigest == nil, "\(page)")
            #expect(file.isLarge && file.size == 9 && file.content == nil, "\(page)")
        }
        for size in ["", #""size":null,"#, #""size":"*","#] {
            let lfs = #"{"oid":"\#(stars)",\#(size)"pointerSize":134}"#
            let page = #"[{"type":"file","oid":"\#(git)",\#(size)"path":"a.bin","lfs":\#(lfs)}]"#
            let error = try #require(throws: CakeError.self) { _ = try tree(page) }
            #expect(error.kind == .notAuthorised && error.what.contains("gated"), "\(page): \(error.what)")
        }
        let error = try #require(throws: CakeError.self) { _ = try tree(#"[{"type":"file","path":"a"}]"#) }
        #expect(error.kind == .damaged)
    }

    @Test func `never stops the program, whatever it is`() {
        let page = """
            [{"type":"file","oid":"\(commit)","size":134,"path":"a/model.safetensors","xetHash":"\(hash)",
            "lfs":{"oid":"\(stars)","size":134,"pointerSize":134}},{"type":"directory","path":"a","size":0}]
            """
        var random = SeededNumbers(seed: 4)
        for _ in 0..<4000 {
            var tree = HubTree()
            try? tree.add(page: random.mutate(Array(page.utf8)).span)
            _ = try? tree.snapshot(of: HubRepository("a"), revision: nil, commit: commit)
        }
    }
}

@Suite struct `What a Hub says of a repository` {
    private let full = """
        {"_id":"x","id":"org/name","sha":"\(commit)","private":false,"gated":"manual","disabled":true,
         "siblings":[{"rfilename":"a"},{"rfilename":"b/c","size":1}],"pipeline_tag":"text-generation","downloads":7,
         "cardData":{"base_model":["x/y","z"],"license":"mit","widget":[{"text":"hi"}]},"likes":3,"library_name":"transformers",
         "safetensors":{"parameters":{"BF16":7241732096,"odd":"x"},"total":7241732096},"lastModified":"2024-01-01T00:00:00.000Z"}
        """

    @Test func `is read as far as it is of use`() throws {
        let info = try info(full)
        #expect(info.id == "org/name" && info.commit == commit && info.gate == .manual && info.isDisabled)
        #expect(info.paths.map(\.string) == ["a", "b/c"])
        #expect(info.baseModels == ["x/y", "z"] && info.license == "mit" && info.task == "text-generation")
        #expect(info.parameters == ["BF16": 7_241_732_096] && info.parametersTotal == 7_241_732_096)
        #expect(info.downloads == 7 && info.likes == 3 && info.modified?.hasPrefix("2024") == true)
        let small = try self.info(#"{"id":"gpt2","sha":"\#(commit)","gated":false,"cardData":{"base_model":"a/b"}}"#)
        #expect(small.gate == .open && small.baseModels == ["a/b"] && !small.isPrivate)
        #expect(
            try self.info(#"{"id":"gpt2","sha":"\#(commit)","gated":"auto","cardData":[1],"safetensors":null}"#).gate
                == .automatic)
    }

    private func info(_ text: String) throws -> HubInfo { try HubInfo(parsing: Array(text.utf8).span) }

    @Test(arguments: [
        "", "[]", "{}", "null", #"{"id":"a"}"#, #"{"id":"a","sha":null}"#, #"{"sha":"\#(commit)"}"#,
        #"{"id":"a","sha":"main"}"#, #"{"id":"a","sha":"\#(commit)0"}"#,
        #"{"id":"a","sha":"0123456789ABCDEFFEDCBA98765432100A1B2C3D"}"#,
        #"{"id":"../a","sha":"\#(commit)"}"#, #"{"id":"a\u001b","sha":"\#(commit)"}"#,
        #"{"id":"a","sha":"\#(commit)","sha":"\#(commit)"}"#,
        #"{"id":"a","sha":"\#(commit)","siblings":[{"rfilename":".."}]}"#,
        #"{"id":"a","sha":"\#(commit)"} x"#,
    ]) func `is refused when nothing could be pinned by it`(text: String) throws {
        let error = try #require(throws: CakeError.self) { try info(text) }
        #expect(error.kind == .damaged && error.fix != nil)
    }

    @Test func `may be one of many that a search found`() throws {
        let results = try HubInfo.results(
            parsing: Array(#"[{"id":"a/b","likes":1},{"id":"c","gated":"auto"}]"#.utf8).span)
        #expect(results.map(\.id) == ["a/b", "c"])
        let many = Array("[\(Array(repeating: #"{"id":"a"}"#, count: 1001).joined(separator: ","))]".utf8)
        #expect(throws: CakeError.self) { try HubInfo.results(parsing: many.span) }
    }

    @Test func `never stops the program, whatever it is`() {
        var random = SeededNumbers(seed: 5)
        for _ in 0..<4000 {
            let bytes = random.mutate(Array(full.utf8))
            _ = try? HubInfo(parsing: bytes.span)
            _ = try? HubIdentity(parsing: bytes.span)
            _ = try? HubRevisions(parsing: bytes.span)
        }
    }
}

@Suite struct `Whose token it is` {
    @Test func `is what whoami tells`() throws {
        let text = """
            {"type":"user","name":"me","fullname":"M. E.","orgs":[{"name":"team"},{}],
             "auth":{"type":"access_token","accessToken":{"displayName":"laptop","role":"read"}}}
            """
        let identity = try HubIdentity(parsing: Array(text.utf8).span)
        #expect(identity.name == "me" && identity.fullName == "M. E." && identity.organisations == ["team"])
        #expect(identity.tokenName == "laptop" && identity.role == "read")
        #expect(throws: CakeError.self) { try HubIdentity(parsing: Array("{}".utf8).span) }
    }
}

@Suite struct `A git digest` {
    @Test func `has one spelling`() throws {
        #expect(try #require(GitDigest(hex: commit)).hex == commit)
        let zeros = String(repeating: "0", count: 39) + "1"
        #expect(try #require(GitDigest(hex: zeros)).hex == zeros)
        #expect(GitDigest(hex: commit.uppercased()) == nil)
        #expect(GitDigest(hex: String(commit.dropLast())) == nil)
        #expect(GitDigest(hex: String(commit.dropLast()) + "g") == nil)
        #expect(GitDigest(hex: commit) != GitDigest(hex: zeros))
        #expect(GitDigest.prefix(size: 12) == Array("blob 12\0".utf8))
    }
}
