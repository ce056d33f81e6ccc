import Foundation
import Model
import Network
import Server
import Storage
import Store
import Support
import Testing

/// Every way to bring bytes, under a quota that is large enough for them or a byte too small.
@Suite struct `A quota for pushes` {
    /// The ways that bytes come to the repository `team/a`, and what each adds to what was there.
    private enum Way: String, CaseIterable {
        case whole, put, patch, stream, mount, manifest
    }

    private static let bytes = [UInt8](repeating: 7, count: 1000)
    private static let config = Array("{}".utf8)
    private static let other = [UInt8](repeating: 9, count: 500)

    /// With 500 bytes in another namespace, and the config of a manifest in this one.
    private static func stage(_ quotas: [RegistryQuota] = [], in scratch: Scratch? = nil) throws -> Stage {
        let stage = try Stage(scratch) { $0.quotas = quotas }
        if scratch == nil {
            let open = try Stage(stage.scratch)
            try open.push(config, to: "team/a")
            try open.push(other, to: "other")
        }
        return stage
    }

    private static func quota(_ text: String) throws -> RegistryQuota { try RegistryQuota(text) }

    private static func bring(_ way: Way, to stage: Stage) throws -> Client.Reply {
        let name = sha256(bytes)
        func begin() throws -> (reply: Client.Reply, place: String) {
            let reply = try stage.ask("POST", "/v2/team/a/blobs/uploads/", [], [])
            return (reply, reply["location"] ?? "")
        }
        switch way {
        case .whole: return try stage.ask("POST", "/v2/team/a/blobs/uploads/?digest=\(name)", [], bytes)
        case .put:
            let (reply, place) = try begin()
            return reply.status == 202 ? try stage.ask("PUT", "\(place)?digest=\(name)", [], bytes) : reply
        case .patch:
            var (reply, place) = try begin()
            for start in [0, 600] where reply.status == 202 {
                reply = try stage.ask("PATCH", place, [], Array(bytes[start..<(start == 0 ? 600 : 1000)]))
            }
            return reply.status == 202 ? try stage.ask("PUT", "\(place)?digest=\(name)", [], []) : reply
        case .stream:
            let (reply, place) = try begin()
            guard reply.status == 202 else { return reply }
            let client = try stage.client()
            try client.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
            for start in [0, 500] {
                try client.send(Array("1f4\r\n".utf8) + bytes[start..<start + 500] + Array("\r\n".utf8))
            }
            try client.send("0\r\n\r\n")
            let sent = try client.read()
            return sent.status == 202 ? try stage.ask("PUT", "\(place)?digest=\(name)", [], []) : sent
        case .mount:
            return try stage.ask("POST", "/v2/team/a/blobs/uploads/?mount=\(sha256(other))&from=other", [], [])
        case .manifest: return try stage.put(image(config: config), as: "v1", in: "team/a")
        }
    }

    /// As it lies on the disk, behind a line.
    private static let manifest = "cake registry manifest 1 \(RegistryManifest.image)\n\(image(config: config))".utf8
        .count

    /// How much a way adds to the namespace, and to the registry.
    private static func cost(_ way: Way) -> (space: Int, whole: Int) {
        switch way {
        case .whole, .put, .patch, .stream: (1000, 1000)
        case .mount: (500, 0)
        case .manifest: (manifest, manifest)
        }
    }

    /// The room that is used at the start.
    private static let used = (space: config.count, whole: config.count + other.count)

    @Test(arguments: Way.allCases.map(\.rawValue)) func `lets bytes in up to its last one, and no more`(way: String)
        throws
    {
        let way = try #require(Way(rawValue: way))
        let cost = Self.cost(way)
        // The state of the registry, and whether the push fits.
        let rows: [(quota: String, fits: Bool)] = [
            ("team/*=\(Self.used.space + cost.space)", true), ("team/*=\(Self.used.space + cost.space - 1)", false),
            ("team/a=\(Self.used.space + cost.space - 1)", false), ("\(Self.used.whole + cost.whole)", true),
            ("*=\(Self.used.whole + cost.whole)", true),
            // A mount adds nothing to the whole.
            ("\(Self.used.whole + cost.whole - 1)", way == .mount), ("other=1", true), ("*/b=1", true),
        ]
        for (quota, fits) in rows {
            let stage = try Self.stage([Self.quota(quota)])
            let reply = try Self.bring(way, to: stage)
            #expect(reply.status == (fits ? 201 : 403), "\(way), \(quota): \(reply.text)")
            if !fits {
                #expect(reply.code == "DENIED" && reply.text.contains("quota of"), "\(quota): \(reply.text)")
            }
            // The same with another server, after a restart. Bytes that are there take no room, but an upload that does not
            // say what it brings is refused when there is none.
            let again = try Self.stage([Self.quota(quota)], in: stage.scratch)
            let isBlind = [.put, .patch, .stream].contains(way) && !["other=1", "*/b=1"].contains(quota)
            let status = try Self.bring(way, to: again).status
            #expect(status == (fits && !isBlind ? 201 : 403), "\(way), \(quota), again")
        }
    }

    @Test func `refuses a push before its body is sent`() throws {
        let stage = try Self.stage([Self.quota("team/*=100")])
        let place = try stage.begin("team/a")
        for request in ["POST /v2/team/a/blobs/uploads/?digest=\(sha256(Self.bytes))", "PATCH \(place)"] {
            let client = try stage.client()
            try client.send(
                "\(request) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\nExpect: 100-continue\r\n\r\n")
            #expect(try !client.isAskedForBody(), "\(request)")
        }
        #expect(try stage.push(Self.bytes, to: "elsewhere") == sha256(Self.bytes))
    }

    @Test func `says that it is used up when an upload begins`() throws {
        let stage = try Self.stage([Self.quota("team/*=2")])
        let reply = try stage.ask("POST", "/v2/team/new/blobs/uploads/", [], [])
        #expect(reply.status == 403 && reply.text.contains("the quota of team/* is 2 B, 2 B are used"), "\(reply.text)")
        // Reading and deleting go on.
        #expect(try stage.ask("GET", "/v2/team/a/blobs/\(sha256(Self.config))").status == 200)
        #expect(try stage.ask("DELETE", "/v2/team/a/blobs/\(sha256(Self.config))").status == 202)
        #expect(try stage.ask("POST", "/v2/team/new/blobs/uploads/", [], []).status == 202)
    }

    @Test func `counts bytes once that several repositories have, and none again that are there`() throws {
        let stage = try Self.stage([Self.quota("team/*=1002")])
        for repository in ["team/a", "team/a", "team/b"] { try stage.push(Self.bytes, to: repository) }
        let metrics = try stage.ask("GET", "/metrics").text
        #expect(metrics.contains("cake_quota_used_bytes{repositories=\"team/*\"} 1002\n"), "\(metrics)")
        #expect(metrics.contains("cake_quota_bytes{repositories=\"team/*\"} 1002\n"))
    }

    @Test
    func `gives room back at once where a pattern counts, and after a collection where the whole registry counts`()
        throws
    {
        let stage = try Self.stage([Self.quota("team/*=1002"), Self.quota("*=1502")])
        let name = try stage.push(Self.bytes, to: "team/a")
        #expect(try stage.ask("DELETE", "/v2/team/a/blobs/\(name)").status == 202)
        let next = [UInt8](repeating: 8, count: 1000)
        let refused = try stage.ask("POST", "/v2/team/a/blobs/uploads/?digest=\(sha256(next))", [], next)
        #expect(refused.status == 403 && refused.text.contains("this registry"), "\(refused.text)")
        _ = try RegistryStore(stage.store).collect(grace: .seconds(3600), isDryRun: false)
        try stage.push(next, to: "team/a")
    }

    @Test func `counts the uploads of other servers on the store while they run, and what they left`() throws {
        let quota = try Self.quota("team/*=1502")
        let first = try Self.stage([quota])
        let second = try Self.stage([quota], in: first.scratch)
        let place = try first.begin("team/a")
        do {
            let client = try first.client()
            try client.send("PATCH \(place) HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nhello")
            try waits(until: "the first server has the request") {
                !first.files(in: "uploads").filter { $0.hasSuffix("/room") }.isEmpty
            }
            let refused = try second.ask(
                "POST", "/v2/team/a/blobs/uploads/?digest=\(sha256(Self.bytes))", [], Self.bytes)
            #expect(refused.status == 403, "\(refused.text)")
            client.finish()
            #expect(client.sawEnd())
        }
        // Five bytes of it are there, and no request.
        let again = try second.ask("POST", "/v2/team/a/blobs/uploads/?digest=\(sha256(Self.bytes))", [], Self.bytes)
        #expect(again.status == 201, "\(again.text)")
        let rest = [UInt8](repeating: 1, count: 496)
        #expect(try second.ask("PATCH", place, [("Content-Range", "5-500")], rest).status == 403)
        #expect(try second.ask("PATCH", place, [("Content-Range", "5-499")], Array(rest.dropLast())).status == 202)
    }

    @Test func `lets in as many as fit when many come at once to two servers`() async throws {
        let quota = try Self.quota("team/*=\(Self.config.count + 3000)")
        let first = try Self.stage([quota])
        let second = try Self.stage([quota], in: first.scratch)
        let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<12 {
                let port = (number % 2 == 0 ? first : second).server.address.port
                group.addTask {
                    let bytes = [UInt8](repeating: UInt8(number), count: 1000)
                    return try Client(port: port).ask(
                        "POST", "/v2/team/n\(number)/blobs/uploads/?digest=\(sha256(bytes))", [], bytes
                    ).status
                }
            }
            return try await group.reduce(into: [Int]()) { $0.append($1) }
        }
        #expect(statuses.sorted() == Array(repeating: 201, count: 3) + Array(repeating: 403, count: 9))
    }
}
