import Model
import Support
import Testing

@Suite struct `A route of a Hub` {
    private let model: HubRepository
    private let dataset: HubRepository

    init() throws {
        model = try HubRepository("org/name")
        dataset = try HubRepository("org/name", kind: .dataset)
    }

    @Test func `is spelled as the protocol has it`() throws {
        let hub = try HubRoutes()
        let path = try FilePath("sub dir/é+%.json")
        #expect(
            hub.file(path, of: model, at: "refs/pr/1").text
                == "https://huggingface.co/org/name/resolve/refs%2Fpr%2F1/sub%20dir/%C3%A9%2B%25.json")
        #expect(
            hub.file(try FilePath("x"), of: dataset, at: "main").text
                == "https://huggingface.co/datasets/org/name/resolve/main/x")
        #expect(hub.info(of: model).text == "https://huggingface.co/api/models/org/name")
        #expect(
            hub.info(of: dataset, at: "a/b").text == "https://huggingface.co/api/datasets/org/name/revision/a%2Fb")
        #expect(
            hub.tree(of: model, at: "main").text
                == "https://huggingface.co/api/models/org/name/tree/main?recursive=true&expand=false")
        #expect(hub.revisions(of: model).text == "https://huggingface.co/api/models/org/name/refs")
        #expect(hub.whoAmI.text == "https://huggingface.co/api/whoami-v2")
        #expect(
            hub.search("a b&c/é", limit: 20).text
                == "https://huggingface.co/api/models?search=a%20b%26c%2F%C3%A9&limit=20&expand=downloads&expand=likes"
                + "&expand=pipeline_tag&expand=gated&expand=private")
        #expect(hub.page(of: dataset).text == "https://huggingface.co/datasets/org/name")
        #expect(hub.isStandard)
    }

    @Test(arguments: [
        ("http://localhost:8080", "http://localhost:8080/api/whoami-v2"),
        ("http://localhost:8080//", "http://localhost:8080/api/whoami-v2"),
        ("https://mirror.example/hub/", "https://mirror.example/hub/api/whoami-v2"),
    ]) func `begins with the endpoint, whose last slash says nothing`(endpoint: String, url: String) throws {
        let hub = try HubRoutes(endpoint: endpoint)
        #expect(hub.whoAmI.text == url)
        #expect(!hub.isStandard)
    }

    @Test(arguments: ["", "huggingface.co", "ftp://x", "https://x/?a=b", "https://u:p@x"])
    func `needs an endpoint that is one`(endpoint: String) throws {
        let error = try #require(throws: CakeError.self) { try HubRoutes(endpoint: endpoint) }
        #expect(error.what.hasPrefix("HF_ENDPOINT: "))
    }
}

@Suite struct `A next page` {
    private let url = "https://h.io/api/models/a/b/tree/main?recursive=true"

    private func next(_ header: String?) throws -> String? {
        try NextPage.url(inLink: header, of: try WebURL(url))?.text
    }

    @Test func `is the one whose relation says so`() throws {
        #expect(try next(nil) == nil)
        #expect(try next("") == nil)
        #expect(try next("<https://h.io/x?cursor=2>; rel=\"next\"") == "https://h.io/x?cursor=2")
        #expect(
            try next("<https://h.io/p>; rel=\"prev\", </x?c=a,b;c>;title=\"a, b; <c>\"; REL=next")
                == "https://h.io/x?c=a,b;c")
        #expect(try next("<https://h.io/p>; rel=\"last next\"") == "https://h.io/p")
        #expect(try next("<https://h.io/p>; rel=\"nextish\"") == nil)
        #expect(try next("<https://h.io/p; rel=\"next\"") == nil)
        #expect(try next("https://h.io/p; rel=\"next\"") == nil)
    }

    @Test func `stays with the server that was asked, whatever upstream it names`() throws {
        #expect(
            try next("<http://127.0.0.1/elsewhere?cursor=2>; rel=\"next\"")
                == "https://h.io/api/models/a/b/tree/main?cursor=2")
    }

    @Test func `is not the page itself`() {
        #expect(throws: CakeError.self) { try next("<?recursive=true>; rel=next") }
        #expect(throws: CakeError.self) { try next("<file:///etc/passwd>; rel=next") }
    }

    @Test func `never stops the program, whatever it is`() {
        var random = SeededNumbers(seed: 3)
        for _ in 0..<2000 {
            let bytes = random.mutate(Array("<https://h.io/x?c=2>; rel=\"next\", </y>; rel=prev; title=\"a\"".utf8))
            _ = try? next(String(decoding: bytes, as: UTF8.self))
        }
    }
}
