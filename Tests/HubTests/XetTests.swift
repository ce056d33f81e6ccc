import Hub
import Model
import Network
import Platform
import Testing

@Suite struct `A hub with Xet` {
    static let large = Stage.large(600_000)

    private func stage(_ change: (inout HubSettings) -> Void = { _ in }) throws -> Stage {
        var settings = HubSettings()
        settings.xet = true
        settings.users = ["hf_good": .init("tester", reads: ["org/gated"])]
        change(&settings)
        let stage = try Stage(settings)
        try stage.folder.write("org/base", "model.safetensors", Self.large)
        try stage.folder.write("org/gated", "model.safetensors", Self.large)
        try stage.folder.set("org/gated", gated: "auto")
        return stage
    }

    private func access(
        _ stage: Stage, _ name: String = "org/base", token: String? = nil
    ) async throws -> (server: String, header: (name: String, value: String)) {
        let value = try await stage.json("/api/models/\(name)/xet-read-token/main", token: token)
        let token = try #require(value["accessToken"]?.string)
        #expect((value["exp"]?.unsigned ?? 0) > 1_700_000_000)
        return (try #require(value["casUrl"]?.string), ("Authorization", "Bearer \(token)"))
    }

    private let hash = XetFileHash.hash(of: large.span).text

    @Test func `tells a file's hash in listings and on its way to the bytes`() async throws {
        let stage = try stage()
        let entries = try await stage.json("/api/models/org/base/tree/main").array
        #expect(entries?.map { $0["xetHash"]?.string } == [nil, hash])
        let head = try await stage.ask("/org/base/resolve/main/model.safetensors", .head).head
        #expect(head.status == 302 && head["x-xet-hash"] == hash)
        let link = try #require(head["link"])
        #expect(link.contains("/api/models/org/base/xet-read-token/") && link.contains("rel=\"xet-auth\""))
        #expect(link.contains("/v1/reconstructions/\(hash)>; rel=\"xet-reconstruction-info\""))
        let masked = try await stage.json("/api/models/org/gated/tree/main").array?.first
        #expect(masked?["xetHash"]?.string == String(repeating: "*", count: 64))
        #expect(try await stage.ask("/api/models/org/gated/xet-read-token/main").head.status == 401)
        _ = try await access(stage, "org/gated", token: "hf_good")
    }

    @Test func `says nothing of Xet unless it was asked to`() async throws {
        let stage = try Stage()
        let entries = try await stage.json("/api/models/org/base/tree/main").array
        #expect(entries?.contains { $0["xetHash"] != nil } == false)
        let head = try await stage.ask("/org/base/resolve/main/model.safetensors", .head).head
        #expect(head["x-xet-hash"] == nil && head["link"] == nil)
        #expect(try await stage.ask("/api/models/org/base/xet-read-token/main").head.status == 404)
        let other = try self.stage()
        try other.folder.set("org/base", xet: false)
        #expect(try await other.ask("/api/models/org/base/xet-read-token/main").head.status == 404)
    }

    @Test func `answers as a Xet server does to those without token, without file and without range`() async throws {
        let stage = try stage()
        let (server, header) = try await access(stage)
        for version in ["v1", "v2"] {
            let url = server + "/\(version)/reconstructions/\(hash)"
            let status = { (url: String, range: Range<UInt64>?, headers: [(name: String, value: String)]) in
                try await stage.ask(url, range: range, headers: headers).head.status
            }
            #expect(try await status(url, nil, [header]) == 200)
            #expect(try await status(url, nil, []) == 401)
            #expect(try await status(url, nil, [("Authorization", "Bearer hf_good")]) == 401)
            #expect(try await status(url.replacing(hash, with: String(hash.reversed())), nil, [header]) == 404)
            #expect(try await status(url, 599_999..<700_000, [header]) == 200)
            #expect(try await status(url, 600_000..<600_001, [header]) == 416)
            // A token is for its own repository, and for a while.
            try stage.folder.write("org/other", "x.bin", Stage.large(50_000))
            let others = try await access(stage, "org/other").header
            #expect(try await status(url, nil, [others]) == 404)
        }
        stage.hub.expireXetTokens()
        #expect(try await stage.ask(server + "/v2/reconstructions/\(hash)", headers: [header]).head.status == 401)
    }

    @Test func `uses known chunks again, unless they are fewer in a row than it was told`() async throws {
        for (shortest, isShared) in [(1, true), (2, true), (3, false)] {
            let stage = try stage { $0.shortestXetRun = shortest }
            // Two chunks of 128 KiB, and what the base does not have.
            try stage.folder.write(
                "org/tune", "model.safetensors", Self.large.prefix(256 << 10) + [UInt8](repeating: 1, count: 300_000))
            var xorbs: [Set<String?>] = []
            for name in ["org/base", "org/tune"] {
                let (server, header) = try await access(stage, name)
                let entry = try await stage.json("/api/models/\(name)/tree/main").array?.last
                let hash = try #require(entry?["xetHash"]?.string)
                let answer = try await stage.ask(server + "/v2/reconstructions/\(hash)", headers: [header]).body
                let terms = try #require(try JSONValue(parsing: answer.span)["terms"]?.array)
                xorbs.append(Set(terms.map { $0["hash"]?.string }))
            }
            #expect(xorbs[0].isDisjoint(with: xorbs[1]) == !isShared, "from \(shortest) on")
        }
    }

    /// Follows an answer to the bytes, as a client of Xet's own would.
    @Test func `keeps chunks once, and gives the bytes of each for exactly the range it names`() async throws {
        let stage = try stage { $0.xorbChunks = 3 }
        try stage.folder.write("org/tune", "model.safetensors", Self.large + Stage.large(200_000).reversed())
        _ = try await access(stage)
        let (server, header) = try await access(stage, "org/tune")
        let entry = try await stage.json("/api/models/org/tune/tree/main").array?.first
        let hash = try #require(entry?["xetHash"]?.string)
        let answer = try await stage.ask(server + "/v2/reconstructions/\(hash)", headers: [header]).body
        let value = try JSONValue(parsing: answer.span)
        let terms = try #require(value["terms"]?.array)
        #expect(terms.count > 2)
        var bytes: [UInt8] = []
        for term in terms {
            let range = try #require(term["range"])
            let entries = try #require(value["xorbs"]?[term["hash"]?.string ?? ""]?.array)
            let entry = try #require(entries.first { $0["ranges"]?.array?.first?["chunks"] == range })
            let place = try #require(entry["ranges"]?.array?.first?["bytes"])
            let (first, last) = (try #require(place["start"]?.unsigned), try #require(place["end"]?.unsigned))
            let url = try #require(entry["url"]?.string)
            #expect(try await stage.ask(url, range: first..<last).head.status == 403)
            #expect(try await stage.ask(url).head.status == 403)
            let run = try await stage.ask(url, range: first..<last + 1).body
            var rest = run[...]
            while let head = rest.first {
                #expect(head == 0 && rest.dropFirst(4).first == 0)
                let size = rest.dropFirst(1).prefix(3).reversed().reduce(0) { $0 << 8 | Int($1) }
                bytes += rest.dropFirst(8).prefix(size)
                rest = rest.dropFirst(8 + size)
            }
        }
        #expect(bytes == Self.large + Stage.large(200_000).reversed())
    }
}
