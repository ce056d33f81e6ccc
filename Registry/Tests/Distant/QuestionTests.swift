import Foundation
import Model
import Platform
import Server
import Storage
import Store
import Support
import Testing
import Transfer

/// What a server asks another storage, which answers late.
@Suite struct `Questions to another storage` {
    private let memory = MemoryStorage()
    private let scratch: Scratch
    private let config = Array("{}".utf8)
    private let large = seededBytes((3 << 20) + 5, seed: 8)

    init() throws { scratch = try Scratch() }

    /// A server that remembers nothing.
    private func stage(_ change: (inout RegistryServer.Settings) -> Void = { _ in }) throws -> Stage {
        try Stage(over: memory, in: try Scratch()) { change(&$0) }
    }

    /// A model under the tag `v1` of each of so many repositories, with a manifest of its own.
    private func fleet(_ count: Int) async throws -> Digest {
        let stage = try stage()
        let model = try await Maker(in: scratch).push(ModelMaker.small(), to: "team/m", "v1", of: stage)
        let text = try stage.ask("GET", "/v2/team/m/manifests/v1").text
        let blobs = try await memory.names(in: "repositories/team+m/blobs")
        for number in 0..<count {
            try await memory.mark(blobs.map { "repositories/fleet+m\(number)/blobs/\($0)" })
            let own = text.dropLast() + #","annotations":{"number":"\#(number)"}}"#
            try #require(stage.put(String(own), as: "v1", in: "fleet/m\(number)").status == 201)
        }
        return model
    }

    @Test func `are asked sixteen at a time by lists of all models`() async throws {
        let model = try await fleet(32)
        await memory.gather(16, "repositories/fleet+")
        /// Each of so many groups of 16 questions was complete before one of them was answered.
        func rounds(_ address: String) async throws -> Int {
            await memory.forgetQuestions()
            let reply = try stage().ask("GET", address, [("Accept", "text/html")])
            #expect(reply.status == 200, "\(address): \(reply.text)")
            return await memory.rounds
        }
        #expect(try await rounds("/v2/_catalog") == 2)
        // Tags, what they point at, the manifests, and whether the models' own manifests are there.
        #expect(try await rounds("/v2/_cake/search?q=fleet") == 8)
        let manifest = try Maker(in: scratch).shelf.store.manifest(model)
        let layer = try #require(manifest.layers.first { $0.size > 0 }).digest
        #expect(try await rounds("/v2/_cake/layers/sha256:\(layer.hex)/models") == 8)
        #expect(try await rounds("/") == 8)
        let mount = "/v2/other/blobs/uploads/?mount=sha256:\(layer.hex)"
        await memory.forgetQuestions()
        _ = try stage().ask("POST", mount, [], [])
        #expect(await memory.rounds == 2)
    }

    /// Questions about data, and not about tokens, which are asked now and then.
    private func count(_ stage: Stage, _ ask: (Stage) throws -> Client.Reply) async throws -> Int {
        await memory.forgetQuestions()
        let reply = try ask(stage)
        #expect((200..<400).contains(reply.status), "\(reply.status) \(reply.text)")
        return await memory.questions.count { key in
            ["repositories", "blobs/", "uploads", "tombstones"].contains(where: key.hasPrefix)
        }
    }

    @Test func `are as many as the table of docs/scale.md says`() async throws {
        var rows: [String] = []
        func row(_ words: String, in stage: Stage? = nil, _ ask: (Stage) throws -> Client.Reply) async throws {
            rows.append("| \(words) | \(try await count(stage ?? self.stage(), ask)) |")
        }
        let name = sha256(large)
        let (image, blob) = (image(config: config, layers: [large]), "/v2/a/b/blobs/\(name)")
        try await row("a blob in one request, `POST …/uploads/?digest=`") {
            try $0.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(name)", [], large)
        }
        try await row("the same again, which is there") {
            try $0.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(name)", [], large)
        }
        let chunked = try stage()
        try chunked.push(config)
        let place = try chunked.begin()
        try await row("a chunk of an upload, `PATCH`", in: chunked) { try $0.ask("PATCH", place, [], [1, 2]) }
        try await row("its last request, `PUT ?digest=`", in: chunked) {
            try $0.ask("PUT", "\(place)?digest=\(sha256([1, 2, 3]))", [], [3])
        }
        try await row("`HEAD` of a blob") { try $0.ask("HEAD", blob) }
        try await row("`GET` of a blob through the server") { try $0.ask("GET", blob) }
        await memory.giveLinks()
        try await row("`GET` of a blob, by a redirect") { try $0.ask("GET", blob) }
        try await row("a manifest with two blobs, `PUT` under a tag") { try $0.put(image, as: "v1") }
        try await row("`GET` of a manifest by its tag") { try $0.ask("GET", "/v2/a/b/manifests/v1") }
        let digest = sha256(Array(image.utf8))
        try await row("`GET` of a manifest by its digest") { try $0.ask("GET", "/v2/a/b/manifests/\(digest)") }
        try await row("`tags/list`") { try $0.ask("GET", "/v2/a/b/tags/list") }
        let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs/scale.md")
        let page = try String(contentsOf: file, encoding: .utf8)
        for row in rows { #expect(page.contains(row + "\n"), "\(row)") }
    }

    @Test func `about a blob come together`() async throws {
        try stage().push(large)
        let stage = try stage { $0.redirects = false }
        await memory.gather(2, "repositories/", "blobs/")
        #expect(try stage.ask("HEAD", "/v2/a/b/blobs/\(sha256(large))").status == 200)
        #expect(await memory.rounds == 1)
    }
}
