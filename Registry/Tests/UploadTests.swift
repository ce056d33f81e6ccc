import Model
import Server
import Support
import Testing

@Suite struct `An upload is refused` {
    @Test(arguments: Engine.allCases) func `when its bytes have another digest, and nothing of it stays`(
        _ engine: Engine
    ) throws {
        let stage = try Stage(engine)
        let wrong = sha256([1])
        var reply = try stage.ask("POST", "/v2/a/blobs/uploads/?digest=\(wrong)", [], [2])
        #expect(reply.status == 400 && reply.code == "DIGEST_INVALID")
        let place = try stage.begin("a")
        #expect(try stage.ask("PATCH", place, [], [2]).status == 202)
        reply = try stage.ask("PUT", "\(place)?digest=\(wrong)", [], [3])
        #expect(reply.status == 400 && reply.code == "DIGEST_INVALID")
        #expect(try stage.ask("GET", "/v2/a/blobs/\(wrong)").status == 404)
        #expect(try stage.values(in: "uploads").isEmpty && stage.values(in: "blobs").isEmpty)
    }

    @Test(arguments: Engine.allCases) func `when a chunk is out of order, and goes on where it was`(_ engine: Engine)
        throws
    {
        let stage = try Stage(engine)
        let place = try stage.begin("a")
        for (range, body) in [("1-2", [1, 2]), ("0-1", [1, 2]), ("0-1", [1, 2]), ("5-6", [1, 2])] as [(String, [UInt8])]
        {
            let length = try stage.ask("GET", place)["range"] == "0-1"
            let reply = try stage.ask("PATCH", place, [("Content-Range", range)], body)
            #expect(reply.status == (range == "0-1" && !length ? 202 : 416), "\(range)")
            if reply.status == 416 { #expect(reply["location"] == place && reply["range"] == (length ? "0-1" : "0-0")) }
        }
        let late = try stage.ask("PUT", "\(place)?digest=\(sha256([1, 2, 3]))", [("Content-Range", "7-7")], [3])
        #expect(late.status == 416)
        let last = try stage.ask("PUT", "\(place)?digest=\(sha256([1, 2, 3]))", [("Content-Range", "2-2")], [3])
        #expect(last.status == 201)
    }

    @Test(
        arguments: Engine.allCases,
        [
            ("0-5", "SIZE_INVALID"), ("bytes 0-1/2", "BLOB_UPLOAD_INVALID"), ("x", "BLOB_UPLOAD_INVALID"),
            ("1-0", "BLOB_UPLOAD_INVALID"),
        ])
    func `when its chunk is not what its Content-Range says`(_ engine: Engine, _ row: (range: String, code: String))
        throws
    {
        let (range, code) = row
        let stage = try Stage(engine)
        let reply = try stage.ask("PATCH", stage.begin("a"), [("Content-Range", range)], [1, 2])
        #expect(reply.status == 400 && reply.code == code)
    }

    @Test(arguments: Engine.allCases) func `when no client began it, or for another repository`(_ engine: Engine) throws
    {
        let stage = try Stage(engine)
        let place = try stage.begin("a")
        let other = place.replacing("/v2/a/", with: "/v2/b/")
        let none = "/v2/a/blobs/uploads/\(String(repeating: "0", count: 32))"
        for address in [other, none, "/v2/a/blobs/uploads/x", "/v2/a/blobs/uploads/..%2f..%2fx"] {
            for method in ["GET", "PATCH", "PUT", "DELETE"] {
                let reply = try stage.ask(method, "\(address)?digest=\(sha256([]))", [], method == "GET" ? nil : [])
                #expect([400, 404].contains(reply.status), "\(method) \(address)")
            }
        }
        #expect(try stage.ask("DELETE", place, [], []).status == 204)
        #expect(try stage.ask("PATCH", place, [], [1]).code == "BLOB_UPLOAD_UNKNOWN")
        #expect(try stage.values(in: "uploads").isEmpty)
    }

    @Test(arguments: Engine.allCases) func `when another request is at it`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        let place = try stage.begin("a")
        let slow = try stage.client()
        try slow.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n")
        #expect(try slow.isAskedForBody())
        #expect(try stage.ask("PATCH", place, [], [9]).status == 409)
        try slow.send([1, 2])
        #expect(try slow.read().status == 202)
    }

    @Test(arguments: Engine.allCases) func `when it is larger than allowed, announced or not`(_ engine: Engine) throws {
        let small = try Stage(engine) { $0.largestBlob = 10 }
        let announced = try small.ask(
            "POST", "/v2/a/blobs/uploads/?digest=\(sha256([1]))", [], [UInt8](repeating: 0, count: 11))
        #expect(announced.status == 413 && announced.code == "SIZE_INVALID")
        let client = try small.client()
        try client.send(
            "PATCH \(small.begin("a")) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n"
        )
        #expect(try client.read().status == 413)
    }

    @Test(arguments: Engine.allCases) func `when its digest is none`(_ engine: Engine) throws {
        let stage = try Stage(engine)
        for digest in [
            "sha256:1", "md5:\(String(repeating: "0", count: 32))", "..", "sha256:\(String(repeating: "A", count: 64))",
        ] {
            let reply = try stage.ask("POST", "/v2/a/blobs/uploads/?digest=\(digest)", [], [1])
            #expect(reply.status == 400 && reply.code == "DIGEST_INVALID")
        }
        #expect(try stage.ask("PUT", stage.begin("a"), [], [1]).code == "DIGEST_INVALID")
        #expect(try stage.ask("POST", "/v2/a/blobs/uploads/?digest-algorithm=md5", [], []).code == "DIGEST_INVALID")
        #expect(try stage.ask("POST", "/v2/a/blobs/uploads/?digest-algorithm=sha512", [], []).status == 202)
    }
}
