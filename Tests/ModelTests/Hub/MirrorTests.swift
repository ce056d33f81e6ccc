import Model
import Testing

@Suite struct `A request to a mirror` {
    private func meaning(_ address: String) throws -> HubRequest? {
        try HubRequest(#require(RequestTarget(address, ofHub: true)).parts)
    }

    @Test func `means what the client's own routes say`() throws {
        let routes = try HubRoutes(endpoint: "http://mirror:5111")
        for kind in HubRepository.Kind.allCases {
            for id in ["gpt2", "org/name", "tree/x"] {
                let repository = try HubRepository(id, kind: kind)
                for revision in ["main", "refs/pr/1", "a+b,c"] {
                    let path = try FilePath("sub/ü + x%20.txt")
                    let file = routes.file(path, of: repository, at: revision)
                    #expect(
                        try meaning(file.path) == .file(repository, revision: revision, path: path.string), "\(file)")
                    let info = routes.info(of: repository, at: revision)
                    #expect(try meaning(info.path) == .info(repository, revision: revision), "\(info)")
                    let tree = routes.tree(of: repository, at: revision)
                    #expect(try meaning(tree.path) == .tree(repository, revision: revision, folder: ""), "\(tree)")
                }
                #expect(try meaning(routes.info(of: repository).path) == .info(repository, revision: nil))
                #expect(try meaning(routes.revisions(of: repository).path) == .revisions(repository))
            }
            #expect(try meaning(routes.search("x", kind: kind, limit: 1).path) == .list(kind))
        }
        #expect(try meaning(routes.whoAmI.path) == .whoAmI)
    }

    @Test func `leaves the registry its own`() throws {
        for address in [
            "/v2/", "/v2/a/resolve/main/b", "/healthz", "/", "/a/b", "/a/b/c/resolve/main/d", "/a/resolve/main",
        ] {
            #expect(try meaning(address) == nil, "\(address)")
        }
    }

    @Test func `names no repository that cannot be`() throws {
        for name in ["a--b", "a%2Fb", "org/..", "-a", "a..b"] {
            #expect(try [nil, .noRepository].contains(meaning("/\(name)/resolve/main/f")), "\(name)")
            #expect(try meaning("/api/models/\(name)") == .noRepository, "\(name)")
        }
    }
}

@Suite struct `A model's place on a mirror` {
    private let digest = Digest(words: (0x0123_4567_89ab_cdef, 1, 2, 3))
    private let commit = String(repeating: "ab", count: 20)

    private func shown(_ name: String, _ change: (inout NameRecord) -> Void = { _ in }) throws -> HubPlace? {
        var record = NameRecord(manifest: digest)
        change(&record)
        return HubPlace(try ModelName(name), record)
    }

    @Test func `is a repository at a revision and a commit of its own`() throws {
        let place = try #require(try shown("org/name@feature/x"))
        #expect(place.repository.id == "org/name" && place.revision == "feature/x")
        #expect(place.commit == String(digest.hex.prefix(40)) && place.isOwnCommit)
        #expect(place.rank(of: "feature/x") == 0 && place.rank(of: place.commit) == 1)
        #expect(place.rank(of: String(place.commit.prefix(7))) == 3 && place.rank(of: "012345") == nil)
        #expect(place.rank(of: "main") == nil)
    }

    @Test func `has the Hub's commit where all of it was pulled`() throws {
        let pulled = try #require(try shown("org/name") { ($0.commit, $0.revision) = (commit, "v1") })
        #expect(pulled.commit == commit && !pulled.isOwnCommit && pulled.rank(of: "v1") == 2)
        let partial = try #require(try shown("org/name") { ($0.commit, $0.missing) = (commit, ["a"]) })
        #expect(partial.isOwnCommit)
        #expect(try shown("org/name") { $0.source = "hf://datasets/org/name" }?.repository.kind == .dataset)
        #expect(try shown("datasets/org/name")?.repository.id == "org/name")
    }

    @Test func `is nowhere under a name that the Hub cannot have`() throws {
        for name in ["localhost:5000/team/m:v1", "a/b/c", "a--b"] { #expect(try shown(name) == nil, "\(name)") }
    }

    @Test func `has its time as the Hub writes it`() {
        #expect(Moment.text(0) == "1970-01-01T00:00:00.000Z")
        #expect(Moment.text(951_782_399) == "2000-02-28T23:59:59.000Z")
        #expect(Moment.text(951_782_400) == "2000-02-29T00:00:00.000Z")
        #expect(Moment.text(1_795_278_777) == "2026-11-21T16:32:57.000Z")
        #expect(Moment.text(-1) == "1969-12-31T23:59:59.000Z")
    }

    @Test func `has of its card what is simple`() {
        let card = """
            ---
            license: mit
            tags: [a, "b"]
            language:
            - en
            - 'de'
            model-index:
            - name: x
              results: []
            private: true
            ---
            title: no
            """
        let facts = ModelCard.facts(in: Array(card.utf8).span)
        #expect(facts.members.map(\.key) == ["license", "tags", "language", "private"])
        #expect(facts["tags"] == ["a", "b"] && facts["language"] == ["en", "de"] && facts["private"] == true)
        #expect(ModelCard.facts(in: Array("# none".utf8).span).members.isEmpty)
    }

    @Test(
        arguments: [
            ("license: apache-2.0", "Apache-2.0"), ("license: cc-by-nc-4.0", "CC-BY-NC-4.0"), ("license: [mit]", "MIT"),
            ("license: llama3.1", "LicenseRef-llama3.1"), ("license: other\nlicense_name: My_Own", "LicenseRef-My-Own"),
            ("license: other", nil), ("license: unknown", nil), ("tags: x", nil),
        ] as [(String, String?)]) func `says its licence as SPDX does`(card: String, license: String?)
    {
        #expect(ModelCard.license(in: Array("---\n\(card)\n---\n".utf8).span) == license)
    }
}
