import Hub
import Model
import Network
import Platform
import Testing

@Suite struct `A tree that misbehaves` {
    static let path = "/api/models/org/base/tree/main?recursive=true"

    private func entries(_ act: Misbehaviour) async throws -> [JSONValue] {
        let stage = try Stage()
        stage.hub.misbehave(act, when: .path(with: "/tree/"))
        return try await stage.json(Self.path).array ?? []
    }

    @Test func `has paths that leave the folder, and one twice`() async throws {
        let added: [Misbehaviour.TreeEntry] = [
            .init(path: "../x", size: 1), .init(path: "/etc/passwd", size: 2, sha256: "zz"),
            .init(path: "config.json", size: 3),
        ]
        let entries = try await entries(.treeEntries(added))
        #expect(
            entries.compactMap { $0["path"]?.string } == [
                "config.json", "model.safetensors", "../x", "/etc/passwd", "config.json",
            ])
        #expect(entries[3]["lfs"]?["oid"] == "zz")
    }

    @Test func `shows no digests`() async throws {
        #expect(try await entries(.maskedHashes).last?["lfs"]?["oid"]?.string == String(repeating: "*", count: 64))
    }

    @Test func `has fifty thousand files on fifty pages`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.hugeTree(files: 50_000), when: .path(with: "/tree/"))
        var count = 0
        var pages = 0
        var next: String? = Self.path
        while let page = next {
            let answer = try await stage.ask(page)
            count += try JSONValue(parsing: answer.body.span).array?.count ?? 0
            pages += 1
            next = answer.head["link"].map { String($0.dropFirst().prefix { $0 != ">" }) }
        }
        #expect(count == 50_000 && pages == 50)
    }

    @Test func `has no last page`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.endlessTree, when: .path(with: "/tree/"))
        var next = Self.path
        var seen: Set<String> = []
        for _ in 0..<20 {
            let link = try #require(try await stage.ask(next).head["link"])
            next = String(link.dropFirst().prefix { $0 != ">" })
            #expect(seen.insert(next).inserted)
        }
    }

    @Test func `is asked for pages that do not exist, and is still there`() async throws {
        let stage = try Stage()
        for cursor in ["-5", "99", "99999999999999999999", "x"] {
            #expect(try await stage.ask(Self.path + "&cursor=\(cursor)").head.status == 200)
            #expect(try await stage.ask("/api/models?cursor=\(cursor)").head.status == 200)
        }
    }

    @Test func `can be written down as JSON`() throws {
        let text = """
            [{"when": {"at": "cdn", "ending": ".bin", "skipping": 1, "times": 2}, "do": [{"cut": 10}, "gzip"]},
             {"do": {"answer": {"status": 503, "headers": {"Retry-After": "1"}}}}]
            """
        let rules = try MisbehaviourText.read(Array(text.utf8))
        #expect(
            rules.count == 2 && rules[0].acts.count == 2 && rules[0].match.skipping == 1 && rules[0].match.place == .cdn
        )
        guard case .cut(afterBytes: 10) = rules[0].acts[0], case .answer(503, let headers, _) = rules[1].acts[0] else {
            Issue.record("other acts")
            return
        }
        #expect(headers == ["Retry-After": "1"])
        #expect(throws: HubError.self) { try MisbehaviourText.read(Array("{\"do\": [\"dance\"]}".utf8)) }
    }
}
