import Hub
import Model
import Network
import Platform
import Testing

@Suite(.timeLimit(.minutes(15))) struct `The HTTP client` {
    let file = Stage.large()

    @Test func `hands on the head before there is a body`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.stall(afterBytes: 0), when: .cdn())
        let exchange = try await stage.client.open(stage.request(url))
        #expect(exchange.head.status == 200 && exchange.head.contentLength == 100_000)
        #expect(stage.hub.sent(.cdn()) == 0)
        // What has sent its head may be not yet held.
        await stage.hub.wait { $0.last?.isStalled == true }
        stage.hub.release()
        #expect(await drain(exchange).bytes == file)
    }

    @Test func `holds a server back whose bytes nobody reads`() async throws {
        var settings = HTTPSettings(userAgent: "test")
        settings.bufferedBytes = 1 << 20
        let stage = try Stage(client: settings)
        let size = 64 << 20
        try stage.folder.write("org/huge", "x.bin", [UInt8](repeating: 7, count: size))
        let url = try #require(try await stage.ask("/org/huge/resolve/main/x.bin", .head).head["location"])
        let idle = try await stage.client.open(stage.request(url))
        // Time enough for all of it, as this one shows.
        let other = try await stage.client.open(stage.request(url))
        var count = 0
        while let chunk = try await other.next() {
            count += chunk.count
            other.giveBack(chunk)
        }
        #expect(count == size)
        // What the two kernel buffers take, and the client's own.
        let sent = stage.hub.requests.filter { $0.place == .cdn }.first?.sent ?? .max
        #expect(sent < 20 << 20, "\(sent) bytes were taken of a body that nobody reads")
        count = 0
        while let chunk = try await idle.next() {
            count += chunk.count
            idle.giveBack(chunk)
        }
        #expect(count == size)
    }

    @Test func `fills its memory with bytes and not with room, when they come in small pieces`() async throws {
        var settings = HTTPSettings(userAgent: "test")
        settings.bufferedBytes = 64 << 10
        let stage = try Stage(client: settings)
        let url = try await stage.signedURL()
        stage.hub.misbehave(.drip(bytesPerSecond: 200), when: .cdn())
        let exchange = try await stage.client.open(stage.request(url, range: 0..<100))
        await stage.hub.wait { $0.last?.isDone == true }
        var sizes: [Int] = []
        while let chunk = try await exchange.next() {
            sizes.append(chunk.count)
            exchange.giveBack(chunk)
        }
        // The server's last piece may come after the first chunk was taken.
        #expect(sizes.reduce(0, +) == 100 && sizes.count <= 2)
    }

    @Test func `closes the connection of a task that is cancelled`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.stall(afterBytes: 1000), when: .cdn())
        let request = stage.request(url)
        let client = stage.client
        let task = Task {
            let exchange = try await client.open(request)
            while let chunk = try await exchange.next() { exchange.giveBack(chunk) }
        }
        await stage.hub.wait { $0.last?.isStalled == true }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await stage.hub.wait { $0.last?.isDone == true }
    }

    @Test func `closes the connection of an exchange that is let go of`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.stall(afterBytes: 1000), when: .cdn())
        var exchange: HTTPExchange? = try await stage.client.open(stage.request(url))
        #expect(exchange?.head.status == 200)
        await stage.hub.wait { $0.last?.isStalled == true }
        exchange = nil
        await stage.hub.wait { $0.last?.isDone == true }
    }

    @Test func `gives up waiting for a head when its task is cancelled`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.startAfter(.seconds(600)), when: .anything)
        let request = stage.request("/api/whoami-v2")
        let client = stage.client
        let task = Task { try await client.fetch(request, limit: 1000).head.status }
        await stage.hub.wait { $0.count == 1 }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        await stage.hub.wait { $0.last?.isDone == true }
    }

    @Test func `cuts a connection that stalls`() async throws {
        var settings = HTTPSettings(userAgent: "test")
        settings.stallSeconds = 1
        let stage = try Stage(client: settings)
        let url = try await stage.signedURL()
        stage.hub.misbehave(.stall(afterBytes: 1000), when: .cdn())
        let exchange = try await stage.client.open(stage.request(url))
        // Nothing else ends it.
        let got = await drain(exchange)
        #expect(!got.isWhole && got.bytes == Array(file[..<1000]))
        await stage.hub.wait { $0.last?.isDone == true }
    }

    @Test func `takes a body that is cut short for an error`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        stage.hub.misbehave(.shorter(by: 1), when: .cdn().times(1))
        let error = await #expect(throws: CakeError.self) { try await stage.ask(url) }
        #expect(error?.kind == .network)
        #expect(error?.description.contains("Signature") == false)
        #expect(try await stage.ask(url).body == file)
    }

    @Test func `refuses a flood of headers`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.headerFlood(bytes: 2 << 20), when: .anything)
        let error = await #expect(throws: CakeError.self) { try await stage.ask("/api/models/org/base") }
        #expect(error?.kind == .network)
    }

    @Test func `asks for no encoding, and undoes none`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        #expect(stage.hub.requests.last?["accept-encoding"] == "identity")
        stage.hub.misbehave(.gzip, when: .cdn())
        #expect(try await stage.ask(url).body.prefix(2) == [0x1f, 0x8b])
    }

    @Test func `does many exchanges at once`() async throws {
        let stage = try Stage()
        let url = try await stage.signedURL()
        let file = file
        let wrong = try await withThrowingTaskGroup(of: Bool.self) { group in
            for number in 0..<200 {
                let range = UInt64(number * 400)..<UInt64(number * 400 + 20_000)
                group.addTask {
                    let body = try await stage.ask(url, range: range).body
                    return body == Array(file[Int(range.lowerBound)..<min(100_000, Int(range.upperBound))])
                }
            }
            return try await group.reduce(0) { $0 + ($1 ? 0 : 1) }
        }
        #expect(wrong == 0 && stage.hub.count(.cdn()) == 200)
    }

    @Test func `uses a connection again`() async throws {
        let stage = try Stage()
        for _ in 0..<5 { _ = try await stage.ask("/api/models/org/base") }
        #expect(Set(stage.hub.requests.map(\.connection)).count == 1)
    }

    @Test func `asks for heads, sends forms and says ranges`() async throws {
        let stage = try Stage()
        let head = try await stage.ask("/org/base/resolve/main/none", .head)
        #expect(head.head.status == 404 && head.head.contentLength == 15 && head.body.isEmpty)
        var request = stage.request("/api/models/org/base/paths-info/main", .post)
        request.body = Array("paths=config.json&paths=gone&expand=false".utf8)
        let answer = try await stage.client.fetch(request, limit: 10_000)
        #expect(try JSONValue(parsing: answer.body.span).array?.compactMap { $0["path"]?.string } == ["config.json"])
        _ = try await stage.ask(try await stage.signedURL(), range: 5..<6)
        #expect(stage.hub.requests.last?.range == "bytes=5-5")
        #expect(stage.hub.requests.map(\.method) == ["HEAD", "POST", "HEAD", "GET"])
    }

    @Test func `goes nowhere it is not told to, and sends no token by itself`() async throws {
        let stage = try Stage()
        stage.hub.misbehave(.redirect(to: "\(stage.hub.cdn)/x"), when: .path(with: "whoami"))
        #expect(try await stage.ask("/api/whoami-v2", token: "hf_secret").head.status == 302)
        #expect(stage.hub.requests.count == 1 && stage.hub.requests[0].authorization == "Bearer hf_secret")
        _ = try await stage.ask("/api/whoami-v2")
        #expect(stage.hub.requests[1].authorization == nil)
        await #expect(throws: CakeError.self) { try await stage.ask("http://127.0.0.1:1/") }
        let file = HTTPRequest(.get, "file:///etc/hostname")
        await #expect(throws: CakeError.self) { try await stage.client.fetch(file, limit: 1000) }
    }

    @Test func `ends what is under way when it is let go of, and survives those who still read`() async throws {
        var settings = HTTPSettings(userAgent: "test")
        settings.bufferedBytes = 1 << 18
        let stage = try Stage()
        try stage.folder.write("org/huge", "x.bin", [UInt8](repeating: 7, count: 32 << 20))
        let url = try #require(try await stage.ask("/org/huge/resolve/main/x.bin", .head).head["location"])
        var client: HTTPClient? = try HTTPClient(settings)
        let exchange = try #require(try await client?.open(stage.request(url)))
        client = nil
        await stage.hub.wait { $0.last?.isDone == true }
        let got = await drain(exchange)
        #expect(!got.isWhole && got.bytes.count < 32 << 20)
    }
}
