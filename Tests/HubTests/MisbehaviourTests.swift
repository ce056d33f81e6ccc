import Hub
import Model
import Network
import Platform
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A hub that misbehaves` {
    let file = Stage.large()

    /// What comes of the large file once the hub does this.
    private func body(
        _ acts: Misbehaviour..., range: Range<UInt64>? = nil
    ) async throws -> (stage: Stage, head: HTTPHead, bytes: [UInt8], isWhole: Bool) {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(acts, when: .cdn())
        let exchange = try await stage.client.open(stage.request(url, range: range))
        let (bytes, isWhole) = await drain(exchange)
        return (stage, exchange.head, bytes, isWhole)
    }

    @Test func `cuts the connection after so many bytes`() async throws {
        let got = try await body(.cut(afterBytes: 12_345))
        #expect(!got.isWhole && got.bytes == Array(file[..<12_345]))
        #expect(got.stage.hub.sent(.cdn()) == 12_345)
    }

    @Test func `ends too early, too late, or with a length that is too small`() async throws {
        let early = try await body(.shorter(by: 10))
        #expect(early.head.contentLength == 100_000 && !early.isWhole && early.bytes == Array(file.dropLast(10)))
        let late = try await body(.longer(by: 10))
        #expect(late.head.contentLength == 100_000 && late.bytes == file)
        await late.stage.hub.wait { $0.last?.isDone == true }
        #expect(late.stage.hub.sent(.cdn()) == 100_010)
        let small = try await body(.understated(by: 10), range: 100..<200)
        #expect(
            small.head["content-range"] == "bytes 100-199/100000" && small.bytes == Array(file[100..<190])
                && small.isWhole)
    }

    @Test func `flips one byte of the file, in whatever range it is asked for`() async throws {
        var wrong = file
        wrong[1000] ^= 1
        #expect(try await body(.flip(atByte: 1000)).bytes == wrong)
        #expect(try await body(.flip(atByte: 1000), range: 900..<1100).bytes == Array(wrong[900..<1100]))
        #expect(try await body(.flip(atByte: 1000), range: 0..<1000).bytes == Array(file[..<1000]))
    }

    @Test func `lies about the length of a safetensors header`() async throws {
        let bytes = try await body(.overwrite(atByte: 0, safetensorsLength(1 << 40)), range: 4..<12).bytes
        #expect(bytes == [0, 1, 0, 0] + file[8..<12])
    }

    @Test func `ignores the range, or says a wrong one, or none`() async throws {
        let all = try await body(.ignoreRange, range: 10..<20)
        #expect(all.head.status == 200 && all.bytes == file)
        let wrong = try await body(.header("Content-Range", "bytes 0-9/10"), range: 10..<20)
        #expect(wrong.head["content-range"] == "bytes 0-9/10" && wrong.bytes == Array(file[10..<20]))
        let none = try await body(.header("Content-Range", nil), range: 10..<20)
        #expect(none.head.status == 206 && none.head["content-range"] == nil)
    }

    @Test func `refuses so many times, from a certain time on, and then behaves`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(
            .answer(429, headers: ["Retry-After": "7"]),
            when: .path(endingIn: "config.json").method("GET").skipping(1).times(2))
        var heads: [HTTPHead] = []
        for _ in 0..<5 { heads.append(try await stage.ask("/org/base/resolve/main/config.json").head) }
        #expect(heads.map(\.status) == [307, 429, 429, 307, 307])
        #expect(heads[1]["retry-after"] == "7" && heads[1]["ratelimit"] == nil)
        #expect(try await stage.ask("/org/base/resolve/main/model.safetensors").head.status == 302)
    }

    @Test func `stalls until it is released`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.stall(afterBytes: 5000), when: .cdn().times(1))
        let exchange = try await stage.client.open(stage.request(url))
        let requests = await stage.hub.wait { $0.last?.isStalled == true }
        #expect(requests.last?.sent == 5000 && requests.last?.isDone == false)
        stage.hub.release()
        let got = await drain(exchange)
        #expect(got.isWhole && got.bytes == file)
    }

    @Test func `sends all of it however slowly it starts and goes on`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.startAfter(.milliseconds(500)), when: .cdn().times(1))
        stage.hub.misbehave(.drip(bytesPerSecond: 200), when: .cdn().skipping(1))
        let slow = try await stage.client.open(stage.request(url))
        #expect(await drain(slow).isWhole)
        let dripping = try await stage.client.open(stage.request(url, range: 0..<100))
        #expect(await drain(dripping).bytes.count == 100)
    }

    @Test func `sends elsewhere, or round in circles`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.redirect(to: "file:///etc/passwd"), when: .path(with: "model.safetensors"))
        stage.hub.misbehave(.redirectToItself, when: .path(with: "config.json"))
        #expect(
            try await stage.ask("/org/base/resolve/main/model.safetensors").head["location"] == "file:///etc/passwd")
        #expect(
            try await stage.ask("/org/base/resolve/main/config.json").head["location"]
                == "/org/base/resolve/main/config.json")
    }

    @Test func `ends a signed URL in the middle of a file`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.expire(afterBytes: 100), when: .cdn().times(1))
        #expect(await drain(try await stage.client.open(stage.request(url))).bytes.count == 100)
        #expect(try await stage.ask(url, range: 100..<200).head.status == 403)
        #expect(try await stage.ask(try await stage.signedURL(), range: 100..<200).body == Array(file[100..<200]))
    }

    @Test func `compresses though nobody asked`() async throws {
        let got = try await body(.gzip)
        #expect(
            got.head["content-encoding"] == "gzip" && got.bytes.prefix(3) == [0x1f, 0x8b, 8]
                && got.bytes.count > 100_000)
    }

    @Test func `serves another file, or another ETag, under the same commit`() async throws {
        let stage = try Stage()
        let path = "/org/base/resolve/main/model.safetensors"
        let before = try await stage.ask(path, .head).head
        try stage.folder.write("other", "x.safetensors", [1, 2, 3])
        stage.hub.misbehave(
            .serve(path: stage.folder.folder(of: "other") + "/x.safetensors"),
            when: .path(endingIn: "model.safetensors"))
        let after = try await stage.ask(path, .head).head
        #expect(after["x-repo-commit"] == before["x-repo-commit"] && after["x-linked-etag"] != before["x-linked-etag"])
        #expect(after["x-linked-size"] == "3")
        #expect(try await stage.ask(after["location"] ?? "").body == [1, 2, 3])
        stage.hub.behave()
        stage.hub.misbehave(.header("X-Linked-ETag", "\"moved\""), when: .path(endingIn: "model.safetensors"))
        #expect(try await stage.ask(path, .head).head["x-linked-etag"] == "\"moved\"")
    }

    @Test func `runs what a test wants to happen between two requests`() async throws {
        let stage = try Stage()
        let folder = stage.folder
        try folder.set("org/base", commits: ["main": String(repeating: "a", count: 40)])
        let path = "/org/base/resolve/main/model.safetensors"
        stage.hub.misbehave(
            .run { try? folder.write("org/base", "model.safetensors", [9]) },
            when: .path(endingIn: ".safetensors").skipping(1))
        let heads = [try await stage.ask(path, .head).head, try await stage.ask(path, .head).head]
        #expect(heads.map { $0["x-linked-size"] } == ["100000", "1"])
        #expect(heads.map { $0["x-repo-commit"] } == Array(repeating: String(repeating: "a", count: 40), count: 2))
    }

    @Test func `hangs up without a word, and floods with headers`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.hangUp, when: .path(with: "org/base/refs"))
        await #expect(throws: CakeError.self) { try await stage.ask("/api/models/org/base/refs") }
        stage.hub.misbehave(.headerFlood(bytes: 20_000), when: .path(with: "whoami"))
        #expect(try await stage.ask("/api/whoami-v2").head["x-flood-19"]?.utf8.count == 980)
    }
}
