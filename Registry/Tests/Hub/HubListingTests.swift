import Foundation
import Model
import Platform
import Server
import Store
import Support
import Testing

/// Repositories for clients of the Hub.
@Suite struct `A model, asked about as of the Hub` {
    private let stage: Stage
    private let shelf: Shelf

    init() throws {
        stage = try Stage()
        shelf = try Shelf(at: stage.scratch["store"])
    }

    @discardableResult
    private func bring(_ files: ModelMaker.Files, as name: String) async throws -> String {
        let folder = stage.scratch["of " + name.replacing("/", with: " ")]
        let manifest = try await shelf.bring(ModelMaker.write(files, to: folder), as: name)
        return String(manifest.hex.prefix(40))
    }

    private func json(_ address: String) throws -> JSONValue {
        let reply = try stage.ask("GET", address)
        try #require(reply.status == 200, "\(address): \(reply.text)")
        return try #require(reply.json)
    }

    @Test func `says its commit, its files and what its card says`() async throws {
        var files = try ModelMaker.small()
        let card =
            "---\nlicense: mit\ntags:\n- a\n- b\nbase_model: org/other\npipeline_tag: text-generation\n---\n# It\n"
        files["README.md"] = Array(card.utf8)
        let commit = try await bring(files, as: "org/model")
        for address in [
            "/api/models/org/model", "/api/models/org/model/revision/main", "/api/models/org/model/revision/\(commit)",
        ] {
            let info = try json(address)
            #expect(info["id"]?.string == "org/model" && info["sha"]?.string == commit)
            #expect(info["siblings"]?.array?.compactMap { $0["rfilename"]?.string } == files.keys.sorted())
            #expect(info["private"]?.bool == false && info["gated"]?.bool == false && info["disabled"]?.bool == false)
            let tags = info["tags"]?.array?.compactMap(\.string) ?? []
            #expect(tags == ["a", "b", "safetensors", "text-generation", "base_model:org/other", "license:mit"])
            #expect(info["pipeline_tag"]?.string == "text-generation")
            #expect(info["safetensors"]?["parameters"]?["BF16"]?.unsigned == info["safetensors"]?["total"]?.unsigned)
        }
        let blobs = try json("/api/models/org/model?blobs=True")["siblings"]?.array ?? []
        let weights = try #require(blobs.first { $0["rfilename"]?.string == "model.safetensors" })
        #expect(weights["lfs"]?["size"]?.unsigned == files["model.safetensors"].map { UInt64($0.count) })
        let few = try json("/api/models/org/model?expand=sha&expand=gated")
        #expect(few.object?.members.map(\.key) == ["_id", "id", "sha", "gated"])
    }

    @Test func `is a dataset where it was pulled as one`() async throws {
        try await bring(["rows.csv": Array("a,b\n".utf8)], as: "datasets/org/rows")
        #expect(try json("/api/datasets/org/rows")["id"]?.string == "org/rows")
        #expect(try stage.ask("GET", "/datasets/org/rows/resolve/main/rows.csv").text == "a,b\n")
        #expect(try stage.ask("GET", "/api/models/org/rows").status == 404)
        #expect(try json("/api/datasets").array?.count == 1 && json("/api/models").array?.isEmpty == true)
    }

    @Test func `has its revisions, those with slashes too`() async throws {
        let main = try await bring(["a.txt": [1]], as: "org/model")
        let request = try await bring(["a.txt": [2]], as: "org/model@refs/pr/1")
        let branch = try await bring(["a.txt": [3]], as: "org/model@feature/x")
        for (revision, commit, byte) in [
            ("main", main, 1), ("refs%2Fpr%2F1", request, 2), ("feature%2Fx", branch, 3), (branch, branch, 3),
            (String(request.prefix(9)), request, 2),
        ] as [(String, String, UInt8)] {
            #expect(try json("/api/models/org/model/revision/\(revision)")["sha"]?.string == commit, "\(revision)")
            #expect(try stage.ask("GET", "/org/model/resolve/\(revision)/a.txt").body == [byte], "\(revision)")
        }
        let refs = try json("/api/models/org/model/refs?include_prs=1")
        #expect(refs["branches"]?.array?.compactMap { $0["name"]?.string } == ["main", "feature/x"])
        #expect(refs["pullRequests"]?.array?.compactMap { $0["ref"]?.string } == ["refs/pr/1"])
        let commits = try json("/api/models/org/model/commits/main?expand[]=formatted")
        #expect(commits.array?.compactMap { $0["id"]?.string } == [main])
    }

    @Test func `lists folders and files, at once or one folder alone`() async throws {
        try await bring(
            ["a.txt": [1], "sub/one.bin": [1, 2], "sub/deep/ü x.txt": [3], "subtle.txt": [4]], as: "org/model")
        func paths(_ address: String) throws -> [String] {
            try json("/api/models/org/model" + address).array?.compactMap { $0["path"]?.string } ?? []
        }
        #expect(try paths("/tree/main") == ["a.txt", "sub", "subtle.txt"])
        #expect(
            try paths("/tree/main?recursive=True&expand=False")
                == ["a.txt", "sub", "sub/deep", "sub/deep/ü x.txt", "sub/one.bin", "subtle.txt"])
        #expect(try paths("/tree/main/sub") == ["sub/deep", "sub/one.bin"])
        let entries = try json("/api/models/org/model/tree/main?expand=true").array ?? []
        #expect(entries.allSatisfy { $0["lastCommit"]?["id"]?.string?.utf8.count == 40 })
        let reply = try stage.ask("GET", "/api/models/org/model/tree/main/none")
        #expect(reply.status == 404 && reply["x-error-code"] == "EntryNotFound")
    }

    @Test func `is listed page by page when it has many files`() async throws {
        var files: ModelMaker.Files = [:]
        for index in 0..<1203 { files["f\(index).json"] = Array("\(index)".utf8) }
        let commit = try await bring(files, as: "org/many")
        var address = "/api/models/org/many/tree/main?recursive=true"
        var (seen, pages): ([String], Int) = ([], 0)
        while pages < 10 {
            let reply = try stage.ask("GET", address)
            seen += reply.json?.array?.compactMap { $0["path"]?.string } ?? []
            pages += 1
            guard let link = reply["link"] else { break }
            // The whole address, as the client knows this server, and at the commit.
            #expect(link.hasPrefix("<http://localhost/api/models/org/many/tree/\(commit)?recursive=true&cursor="))
            address = String(link.dropFirst("<http://localhost".count).prefix { $0 != ">" })
        }
        #expect(pages == 2 && seen.sorted() == files.keys.sorted())
    }

    @Test func `says of paths what they are, and leaves out what is not there`() async throws {
        try await bring(["a b.txt": [1], "sub/one.bin": [1, 2]], as: "org/model")
        let form = Array("paths=a+b.txt&paths=sub&paths=gone&paths=sub%2Fone.bin&expand=false".utf8)
        let reply = try stage.ask(
            "POST", "/api/models/org/model/paths-info/main", [("Content-Type", "application/x-www-form-urlencoded")],
            form)
        #expect(reply.json?.array?.compactMap { $0["path"]?.string } == ["a b.txt", "sub", "sub/one.bin"])
        let other = try stage.ask(
            "POST", "/api/models/org/model/paths-info/main", [("Content-Type", "application/json")],
            Array(#"{"paths":["sub"],"expand":true}"#.utf8))
        #expect(other.json?.array?.first?["type"]?.string == "directory")
    }

    @Test func `is found by its name, its author and its tags`() async throws {
        for name in ["org/base", "org/other", "tiny", "team/base-2"] {
            try await bring(ModelMaker.packed(changed: 0..<1, seed: UInt64(name.utf8.count)), as: name)
        }
        func found(_ query: String) throws -> Set<String> {
            Set(try json("/api/models?" + query).array?.compactMap { $0["id"]?.string } ?? [])
        }
        #expect(try found("search=BASE") == ["org/base", "team/base-2"])
        #expect(try found("author=org") == ["org/base", "org/other"])
        #expect(try found("filter=safetensors&search=tiny") == ["tiny"] && found("filter=gguf").isEmpty)
        #expect(try found("search=org+base") == ["org/base"])
        let reply = try stage.ask("GET", "/api/models?limit=3")
        #expect(reply.json?.array?.count == 3 && reply["link"]?.contains("cursor=3") == true)
    }

    @Test func `is left out of a list by what it is not, and a list is never less filtered than it was asked for`()
        async throws
    {
        try await bring(ModelMaker.small(), as: "org/model")
        let card = "---\nlicense: mit\nlanguage: en\npipeline_tag: text-generation\n---\n"
        try await bring(["a.txt": [1], "README.md": Array(card.utf8)], as: "org/text")
        let total = try #require(try json("/api/models/org/model")["safetensors"]?["total"]?.unsigned)
        let (both, model, text): (Set<String>, Set<String>, Set<String>) = (
            ["org/model", "org/text"], ["org/model"], ["org/text"]
        )
        for (query, found) in [
            ("gated=false", both), ("gated=False", both), ("gated=true", []), ("gated=True", []),
            ("num_parameters=min:\(total)", model), ("num_parameters=min:\(total + 1)", []),
            ("num_parameters=min:0,max:1B", model), ("num_parameters=max:\(total - 1)", []),
            ("inference_provider=all", []), ("inference_provider=a&inference_provider=b", []), ("inference=warm", []),
            ("library=safetensors", model), ("filter=safetensors", model),
            ("license=mit", text), ("license=apache-2.0", []), ("filter=license:mit", text), ("filter=mit", []),
            ("language=en", text), ("pipeline_tag=text-generation", text), ("pipeline_tag=other", []),
        ] as [(String, Set<String>)] {
            let ids = try json("/api/models?" + query).array?.compactMap { $0["id"]?.string } ?? []
            #expect(Set(ids) == found, "\(query): \(ids)")
        }
        for query in [
            "gated=maybe", "num_parameters=6B", "num_parameters=min:x", "num_parameters=min:2B,max:1B", "apps=ollama",
            "num_parameters=", "expand=bogus", "expand[]=sha&expand[]=bogus", "trained_dataset=x",
        ] {
            let reply = try stage.ask("GET", "/api/models?" + query)
            #expect(reply.status == 400 && reply.json?["error"]?.string != nil, "\(query): \(reply.status)")
        }
        #expect(try stage.ask("GET", "/api/models/org/model?expand=bogus").status == 400)
        #expect(try stage.ask("GET", "/api/datasets?expand=safetensors").status == 400)
    }

    @Test func `tells in a list what is asked for, and no more`() async throws {
        var files = try ModelMaker.small()
        files["README.md"] = Array("---\nbase_model: org/base\n---\n".utf8)
        files["config.json"] = Array(#"{"model_type":"llama","architectures":["A"],"hidden_size":8}"#.utf8)
        try await bring(files, as: "org/model")
        func keys(_ query: String) throws -> [String] {
            try json("/api/models?" + query).array?.first?.object?.members.map(\.key) ?? []
        }
        #expect(try !keys("").contains("siblings") && !keys("").contains("config"))
        let full = try json("/api/models?full=True").array?.first
        #expect(full?["siblings"]?.array?.compactMap { $0["rfilename"]?.string } == files.keys.sorted())
        #expect(try keys("config=true").contains("config"))
        let fields = ["siblings", "config", "baseModels", "safetensors", "sha"]
        for address in ["/api/models?", "/api/models/org/model?"] {
            let all = try json(address + fields.map { "expand=\($0)" }.joined(separator: "&"))
            let found = try #require(all.array?.first ?? all)
            #expect(Set(found.object?.members.map(\.key) ?? []) == Set(fields + ["_id", "id"]), "\(address)")
            #expect(found["config"]?.object?.members.map(\.key) == ["architectures", "model_type"])
            #expect(found["baseModels"]?["relation"]?.string == "finetune")
            #expect(found["baseModels"]?["models"]?.array?.first?["id"]?.string == "org/base")
            #expect(found["siblings"]?.array?.count == files.count)
        }
    }

    @Test(arguments: [
        ("base_model: a/b", "x.txt", "finetune"), ("base_model:\n- a/b\n- c/d", "x.txt", "merge"),
        ("base_model: a/b", "adapter_config.json", "adapter"), ("base_model: a/b", "x.gguf", "quantized"),
        ("base_model: a/b\nbase_model_relation: quantized", "x.txt", "quantized"),
    ]) func `says how it was made from another`(card: String, file: String, relation: String) async throws {
        try await bring(["README.md": Array("---\n\(card)\n---\n".utf8), file: Array("{}".utf8)], as: "org/model")
        let found = try json("/api/models/org/model?expand=baseModels")["baseModels"]
        #expect(found?["relation"]?.string == relation)
    }

    @Test func `is liked by nobody and discussed nowhere`() async throws {
        try await bring(["a.txt": [1]], as: "org/model")
        try await bring(["a.txt": [1]], as: "datasets/org/rows")
        for address in ["/api/models/org/model", "/api/datasets/org/rows"] {
            #expect(try json(address + "/likers").array?.isEmpty == true)
            let discussions = try json(address + "/discussions?p=0")
            #expect(discussions["discussions"]?.array?.isEmpty == true && discussions["count"]?.unsigned == 0)
        }
        #expect(try json("/api/spaces").array?.isEmpty == true)
        for address in ["/api/models/org/none/likers", "/api/models/org/none/discussions", "/api/spaces/org/model"] {
            let reply = try stage.ask("GET", address)
            #expect(reply.status == 404 && reply["x-error-code"] == "RepoNotFound", "\(address)")
        }
    }

    @Test func `is not there in the words that clients know`() async throws {
        let commit = try await bring(["a.txt": [1]], as: "org/model")
        func check(_ method: String, _ address: String, _ status: Int, _ code: String?) throws {
            let reply = try stage.ask(method, address)
            #expect(reply.status == status && reply["x-error-code"] == code, "\(address): \(reply.status)")
        }
        for method in ["HEAD", "GET"] {
            try check(method, "/org/none/resolve/main/a.txt", 404, "RepoNotFound")
            try check(method, "/org/model/resolve/none/a.txt", 404, "RevisionNotFound")
            try check(method, "/org/model/resolve/main/none.txt", 404, "EntryNotFound")
            try check(method, "/api/models/org/none", 404, "RepoNotFound")
            try check(method, "/api/models/org/model/revision/none", 404, "RevisionNotFound")
            try check(method, "/api/models/org/model/auth-check", 200, nil)
            try check(method, "/api/models/org/model/auth-check/write", 403, nil)
            try check(method, "/api/whoami-v2", 401, nil)
            try check(method, "/api/agent-harnesses", 404, nil)
            try check(method, "/api/spaces/org/model", 404, "RepoNotFound")
        }
        // It is the store's own commit: a missing file is missing for ever.
        #expect(try stage.ask("GET", "/org/model/resolve/main/none.txt")["x-repo-commit"] == commit)
        try check("PUT", "/api/models/org/model/tree/main", 405, nil)
        #expect(try stage.ask("GET", "/api/none").json?["error"]?.string != nil)
    }

    @Test func `is not got at by paths that lead elsewhere`() async throws {
        try await bring(["a.txt": [1]], as: "org/model")
        for path in [
            "..%2F..%2Fcake.store", "..", "%2Fetc%2Fpasswd", "a.txt%00", "a.txt/", "./a.txt", "%ff", "a%0d%0ab",
        ] {
            #expect(try stage.ask("GET", "/org/model/resolve/main/" + path).status / 100 == 4, "\(path)")
        }
        for revision in [
            "..", "..%2F..", "%2e%2e", "main%2F..", String(repeating: "a", count: 4000), "%0a", "@", "a@b",
        ] {
            #expect(try stage.ask("GET", "/org/model/resolve/\(revision)/a.txt").status / 100 == 4, "\(revision)")
            #expect(try stage.ask("GET", "/api/models/org/model/tree/\(revision)").status / 100 == 4, "\(revision)")
        }
        for name in [
            "..", "org/..", "..%2Forg/model", "org%2Fmodel", "-a/b", "a--b/c", String(repeating: "a", count: 300),
        ] {
            #expect(try stage.ask("GET", "/api/models/\(name)").status / 100 == 4, "\(name)")
            #expect(try stage.ask("GET", "/\(name)/resolve/main/a.txt").status / 100 == 4, "\(name)")
        }
        #expect(try stage.ask("GET", "/org/model/resolve/main/a.txt").status == 200)
    }
}
