import Foundation
import Model
import Server
import Storage
import Store
import Support
import Testing

@Suite struct `A blob in a registry` {
    private let bytes = Array("some bytes that somebody pushes".utf8)

    @Test(arguments: Engine.allCases) func `is pushed with one request and comes back`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let name = sha256(bytes)
        let pushed = try stage.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(name)", [], bytes)
        #expect(pushed.status == 201 && pushed["location"] == "/v2/a/b/blobs/\(name)")
        #expect(pushed["docker-content-digest"] == name.description)
        let got = try stage.ask("GET", "/v2/a/b/blobs/\(name)")
        #expect(got.status == 200 && got.body == bytes && got["docker-content-digest"] == name.description)
        let head = try stage.ask("HEAD", "/v2/a/b/blobs/\(name)")
        #expect(head.status == 200 && head.body.isEmpty && head["content-length"] == "\(bytes.count)")
    }

    @Test(arguments: Engine.allCases) func `is pushed with POST and PUT`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let name = sha256(bytes)
        let place = try stage.begin()
        let put = try stage.ask("PUT", "\(place)?digest=\(name)", [("Content-Type", "application/octet-stream")], bytes)
        #expect(put.status == 201 && put["location"] == "/v2/a/b/blobs/\(name)")
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == bytes)
        #expect(try stage.ask("GET", place).status == 404)
        #expect(try stage.values(in: "uploads").isEmpty)
    }

    @Test(arguments: Engine.allCases) func `is pushed in chunks, the last with the PUT or without it`(_ engine: Engine)
        throws
    {
        let stage = try Stage(engine)
        for isLastInPut in [true, false] {
            let bytes = Array("chunks \(isLastInPut)".utf8)
            let place = try stage.begin()
            let first = try stage.ask("PATCH", place, [("Content-Range", "0-3")], Array(bytes[..<4]))
            #expect(first.status == 202 && first["range"] == "0-3" && first["location"] == place)
            let status = try stage.ask("GET", place)
            #expect(status.status == 204 && status["range"] == "0-3")
            var last = Array(bytes[4...])
            let range = ("Content-Range", "4-\(bytes.count - 1)")
            if !isLastInPut {
                #expect(try stage.ask("PATCH", place, [range], last).status == 202)
                last = []
            }
            let put = try stage.ask("PUT", "\(place)?digest=\(sha256(bytes))", isLastInPut ? [range] : [], last)
            #expect(put.status == 201, "\(put.text)")
            #expect(try stage.ask("GET", "/v2/a/b/blobs/\(sha256(bytes))").body == bytes)
        }
    }

    @Test(arguments: Engine.allCases) func `is pushed in a stream of unknown length`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let place = try stage.begin()
        let client = try stage.client()
        try client.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        try client.send("5\r\nhello\r\n")
        try client.send("6\r\n world\r\n0\r\n\r\n")
        let reply = try client.read()
        #expect(reply.status == 202 && reply["range"] == "0-10")
        let name = sha256(Array("hello world".utf8))
        #expect(try client.ask("PUT", "\(place)?digest=\(name)", [], []).status == 201)
    }

    @Test func `goes on at the byte when a chunk is cut off, also with another server`() throws {
        let stage = try Stage()
        let place = try stage.begin()
        do {
            let client = try stage.client()
            try client.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhello")
            // The server has the earlier bytes before it can see the end.
            client.finish()
            #expect(client.sawEnd())
        }
        var status = try stage.ask("GET", place)
        #expect(status.status == 204 && status["range"] == "0-4")
        let again = try Stage(beside: stage)
        status = try again.ask("GET", place)
        #expect(status.status == 204 && status["range"] == "0-4")
        let name = sha256(Array("hello world".utf8))
        // The end that the client saw is a moment before the one that the server sees.
        var rest: Client.Reply
        repeat {
            rest = try again.ask("PATCH", place, [("Content-Range", "5-10")], Array(" world".utf8))
        } while rest.status == 409
        #expect(rest.status == 202 && rest["range"] == "0-10")
        #expect(try again.ask("PUT", "\(place)?digest=\(name)", [], []).status == 201)
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").text == "hello world")
    }

    @Test(arguments: Engine.allCases) func `of no bytes is a blob`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        for address in ["/v2/a/b/blobs/uploads/?digest=\(sha256([]))", nil] {
            let place = try address ?? "\(stage.begin())?digest=\(sha256([]))"
            #expect(try stage.ask(address == nil ? "PUT" : "POST", place, [], []).status == 201)
            let got = try stage.ask("GET", "/v2/a/b/blobs/\(sha256([]))")
            #expect(got.status == 200 && got.body.isEmpty && got["content-length"] == "0")
        }
    }

    @Test(arguments: Engine.allCases) func `may be named by its SHA-512, and lies under its SHA-256 as well`(
        _ engine: Engine
    ) throws {
        let stage = try Stage(engine)
        let long = try sha512(bytes)
        let pushed = try stage.ask("POST", "/v2/a/b/blobs/uploads/?digest=\(long)", [], bytes)
        #expect(pushed.status == 201 && pushed["docker-content-digest"] == long.description)
        for name in [long, sha256(bytes)] {
            let got = try stage.ask("GET", "/v2/a/b/blobs/\(name)")
            #expect(got.body == bytes && got["docker-content-digest"] == name.description)
        }
        let place = try stage.begin()
        #expect(try stage.ask("PUT", "\(place)?digest=\(try sha512([1]))", [], bytes).status == 400)
        #expect(try stage.values(in: "blobs").filter { $0.utf8.count > 60 }.count == 1)
    }

    @Test(
        arguments: Engine.allCases,
        [
            ("bytes=0-3", 206, "some", "bytes 0-3/31"),
            ("bytes=5-", 206, "bytes that somebody pushes", "bytes 5-30/31"),
            ("bytes=-6", 206, "pushes", "bytes 25-30/31"), ("bytes=25-99", 206, "pushes", "bytes 25-30/31"),
            ("bytes=31-", 416, nil, "bytes */31"), ("bytes=0-1,4-5", 200, "some bytes that somebody pushes", nil),
            ("nonsense", 200, "some bytes that somebody pushes", nil),
        ] as [(String, Int, String?, String?)])
    func `is given in part`(_ engine: Engine, _ row: (range: String, status: Int, text: String?, said: String?)) throws
    {
        let (range, status, text, said) = row
        let stage = try Stage(engine)
        let name = try stage.push(bytes)
        let got = try stage.ask("GET", "/v2/a/b/blobs/\(name)", [("Range", range)])
        #expect(got.status == status && got["content-range"] == said)
        if let text { #expect(got.text == text) }
    }

    @Test(arguments: Engine.allCases) func `comes whole when it is large`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let large = (0..<3_000_000 as Range<UInt64>).flatMap { [UInt8(truncatingIfNeeded: $0 &* 0x9e37_79b9 >> 7)] }
        let name = try stage.push(large)
        let client = try stage.client()
        #expect(try client.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
        let part = try client.ask("GET", "/v2/a/b/blobs/\(name)", [("Range", "bytes=1000000-1999999")])
        #expect(part.body == Array(large[1_000_000..<2_000_000]))
    }

    @Test(arguments: Engine.allCases) func `is one repository's until it is mounted`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let name = try stage.push(bytes)
        #expect(try stage.ask("GET", "/v2/c/blobs/\(name)").status == 404)
        let mounted = try stage.ask("POST", "/v2/c/blobs/uploads/?mount=\(name)&from=a%2Fb", [], [])
        #expect(mounted.status == 201 && mounted["location"] == "/v2/c/blobs/\(name)")
        #expect(try stage.ask("GET", "/v2/c/blobs/\(name)").body == bytes)
        let anonymous = try stage.ask("POST", "/v2/d/blobs/uploads/?mount=\(name)", [], [])
        #expect(anonymous.status == 201)
        #expect(try stage.ask("GET", "/v2/d/blobs/\(name)").body == bytes)
        // A missing blob is uploaded.
        for query in ["mount=\(name)&from=nowhere", "mount=\(sha256([1]))&from=a/b", "mount=\(sha256([1]))"] {
            let reply = try stage.ask("POST", "/v2/e/blobs/uploads/?\(query)", [], [])
            #expect(reply.status == 202 && reply["location"]?.hasPrefix("/v2/e/blobs/uploads/") == true, "\(query)")
        }
    }

    @Test(arguments: Engine.allCases) func `can be deleted, once, and pushed again`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let name = try stage.push(bytes)
        #expect(try stage.ask("DELETE", "/v2/a/b/blobs/\(name)").status == 202)
        let gone = try stage.ask("GET", "/v2/a/b/blobs/\(name)")
        #expect(gone.status == 404 && gone.code == "BLOB_UNKNOWN")
        #expect(try stage.ask("DELETE", "/v2/a/b/blobs/\(name)").status == 404)
        try stage.push(bytes)
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == bytes)
    }

    @Test func `that somebody reads by ranges is gone for them, too, when another process removes or replaces it`()
        throws
    {
        let stage = try Stage(.files)
        let name = try stage.push(bytes)
        let address = "/v2/a/b/blobs/\(name)"
        func range() throws -> Client.Reply { try stage.ask("GET", address, [("Range", "bytes=1-2")]) }
        #expect(try range().body == Array(bytes[1...2]))
        let path = try #require(stage.files(in: "blobs").first { $0.hasSuffix(name.hex) })
        let file = stage.scratch["store/registry/blobs/\(path)"]
        var other = bytes
        other[1] ^= 1
        try Data(other).write(to: URL(filePath: file), options: .atomic)
        #expect(try range().body == Array(other[1...2]))
        #expect(try RegistryStore(stage.store).remove(name, from: #require(RepositoryName("a/b"))))
        #expect(try range().status == 404)
        try stage.push(bytes)
        #expect(try range().body == Array(bytes[1...2]))
        try FileManager.default.removeItem(atPath: file)
        #expect(try range().status == 404)
    }

    @Test(arguments: Engine.allCases) func `may be pushed by two at once`(_ engine: Engine) async throws {
        let stage = try Stage(engine)
        let large = [UInt8](repeating: 7, count: 2_000_000)
        let name = sha256(large)
        let (one, two) = (try stage.client(), try stage.client())
        let head =
            "POST /v2/a/b/blobs/uploads/?digest=\(name) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(large.count)\r\n\r\n"
        for client in [one, two] { try client.send(Array(head.utf8) + large[..<1_000_000]) }
        for client in [two, one] { try client.send(Array(large[1_000_000...])) }
        #expect(try one.read().status == 201)
        #expect(try two.read().status == 201)
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == large)
    }

    @Test func `that was damaged is mended by a push`() throws {
        let stage = try Stage(.files)
        let name = try stage.push(bytes)
        let path = stage.scratch["store/registry/blobs/\(name.hex.prefix(2))/\(name.hex)"]
        try Data("rot".utf8).write(to: URL(filePath: path))
        try stage.push(bytes)
        #expect(try stage.ask("GET", "/v2/a/b/blobs/\(name)").body == bytes)
    }
}
