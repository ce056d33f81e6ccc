import Model
import Server
import Storage
import Store
import Support
import Testing

/// The answer to a range of a blob that was requested before takes a short way.
@Suite struct `A range of a blob that is asked for again` {
    private let stage: Stage
    private let bytes = seededBytes(100_000, seed: 8)
    private let name: BlobName

    init() throws {
        stage = try Stage()
        name = try stage.push(bytes)
        for _ in 0..<3 { #expect(try ask().status == 206) }
    }

    private func ask(
        _ method: String = "GET", _ range: String = "bytes=10-19", _ more: [(String, String)] = []
    ) throws -> Client.Reply {
        try stage.ask(method, "/v2/a/b/blobs/\(name)", [("Range", range)] + more)
    }

    @Test(arguments: [
        ("bytes=0-0", 0..<1), ("bytes=99990-", 99_990..<100_000), ("bytes=-7", 99_993..<100_000),
        ("bytes=5000-200000", 5000..<100_000),
    ]) func `has the bytes and headers of the first time`(range: String, bytes: Range<Int>) throws {
        let reply = try ask("GET", range)
        #expect(reply.status == 206 && reply.body == Array(self.bytes[bytes]))
        #expect(reply["content-range"] == "bytes \(bytes.lowerBound)-\(bytes.upperBound - 1)/100000")
        #expect(reply["docker-content-digest"] == name.description && reply["etag"] == "\"\(name)\"")
        #expect(reply["accept-ranges"] == "bytes" && reply["content-length"] == "\(bytes.count)")
    }

    @Test func `is all of it, a refusal or a head as before, where it is no range of it`() throws {
        #expect(try ask("GET", "bytes=x").body == bytes)
        #expect(try ask("GET", "bytes=100000-").status == 416)
        let head = try ask("HEAD")
        #expect(head.status == 200 && head["content-length"] == "100000")
    }

    @Test func `goes over one connection many times, with a body and without`() throws {
        let client = try stage.client()
        for number in 0..<50 {
            let start = number * 1000
            let body: [UInt8]? = number % 3 == 0 ? Array("unwanted".utf8) : nil
            let reply = try client.ask(
                "GET", "/v2/a/b/blobs/\(name)", [("Range", "bytes=\(start)-\(start + 999)")], body)
            #expect(reply.body == Array(bytes[start..<start + 1000]))
        }
    }

    @Test func `is refused as soon as there is a token, and given to its owner alone`() throws {
        let registry = try RegistryStore(stage.store)
        let secret = try registry.addToken("one", read: [RepositoryPattern("a/*")], push: [])
        let other = try registry.addToken("two", read: [RepositoryPattern("c/*")], push: [])
        #expect(try ask().status == 401)
        #expect(try ask("GET", "bytes=10-19", [("Authorization", "Bearer \(other)")]).status == 403)
        #expect(try ask("GET", "bytes=10-19", [("Authorization", "Bearer \(secret)")]).body == Array(bytes[10..<20]))
        try registry.removeToken("one")
        #expect(try ask("GET", "bytes=10-19", [("Authorization", "Bearer \(secret)")]).status == 401)
    }

    @Test func `is gone when the repository has the blob no more`() throws {
        #expect(try stage.ask("DELETE", "/v2/a/b/blobs/\(name)").status == 202)
        #expect(try ask().status == 404)
    }

    @Test func `is refused under a name that is not this server's`() throws {
        #expect(try ask("GET", "bytes=10-19", [("Host", "evil.example")]).status != 206)
    }
}
