import Foundation
import Model
import Network
import Support
import Testing

@testable import cake

@Suite struct `The audit log` {
    private let home: Home
    private let file: URL

    init() throws {
        home = try Home()
        file = home.path("audit.log")
    }

    private func token(_ name: String, _ rights: String) throws -> String {
        try home.cake("serve", "token", "add", name, rights).output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    private func lines(_ place: URL) throws -> [JSONValue] {
        try String(contentsOf: place, encoding: .utf8).split(separator: "\n").map {
            try JSONValue(parsing: Array($0.utf8).span)
        }
    }

    @Test func `says whose token was used for what, and never has a secret`() throws {
        let secret = try token("ci", "--push=team/*")
        let served = try Served(home, "--push", "--audit-log", file.path)
        let bearer = [("Authorization", "Bearer \(secret)"), ("User-Agent", "tester")]
        let rows: [(method: String, address: String, header: [(String, String)], status: Int, action: String?)] = [
            ("POST", "/v2/team/a/blobs/uploads/?x=\(secret)", bearer, 202, "push"),
            ("GET", "/v2/team/a/tags/list", bearer, 404, "read"), ("GET", "/v2/other/tags/list", bearer, 403, "read"),
            ("DELETE", "/v2/other/manifests/v1", bearer, 403, "delete"),
            ("GET", "/v2/", [("Authorization", "Bearer cake_wrong")], 401, "read"), ("GET", "/v2/", [], 401, nil),
            ("GET", "/healthz", bearer, 200, nil),
        ]
        for row in rows {
            let reply = try served.ask(row.method, row.address, row.header, row.method == "POST" ? [] : nil)
            #expect(reply.status == row.status, "\(row.address): \(reply.text)")
        }
        try served.end()
        let text = try String(contentsOf: file, encoding: .utf8)
        #expect(!text.contains(secret) && !text.contains("cake_wrong"))
        let noted = try lines(file)
        let wanted = rows.filter { $0.action != nil }
        #expect(noted.count == wanted.count, "\(text)")
        // Requests that end at the same time have no order.
        for row in wanted {
            let path = String(row.address.prefix { $0 != "?" })
            let line = try #require(
                noted.first { $0["address"]?.string == path && $0["status"] == JSONValue(row.status) })
            #expect(line["action"]?.string == row.action && line["method"]?.string == row.method, "\(line)")
            #expect(line["token"]?.string == (row.status == 401 ? nil : "ci") && line["client"] == "127.0.0.1")
            #expect(line["time"] != nil && (row.status == 401 || line["agent"] == "tester"))
        }
        // The access log has the name, too.
        let access = try lines(home.path("log"))
        #expect(access.contains { $0["token"] == "ci" } && access.contains { $0["token"]?.string == nil })
    }

    @Test func `goes on in a new file after SIGHUP, and at the end of one that was emptied`() throws {
        let secret = try token("ci", "--read=*")
        let served = try Served(home, "--audit-log", file.path)
        func use() throws {
            #expect(try served.ask("GET", "/v2/", [("Authorization", "Bearer \(secret)")]).status == 200)
        }
        func has(_ place: URL, _ count: Int) throws {
            try waits(until: "\(count) lines in \(place.lastPathComponent)") { (try? lines(place).count) == count }
        }
        try use()
        try has(file, 1)
        let old = home.path("audit.log.1")
        try FileManager.default.moveItem(at: file, to: old)
        try use()
        try has(old, 2)
        served.child.send(SIGHUP)
        try waits(until: "the file is opened again") {
            try String(contentsOf: home.path("said"), encoding: .utf8).contains("opened the audit log again")
        }
        try use()
        try has(file, 1)
        #expect(try lines(old).count == 2)
        try FileHandle(forWritingTo: file).truncate(atOffset: 0)
        try use()
        try has(file, 1)
        let mode = try FileManager.default.attributesOfItem(atPath: file.path)[.posixPermissions] as? Int
        #expect((mode ?? 0o777) & 0o027 == 0)
        try served.end()
    }

    @Test func `stops the start of a server if it cannot be written`() throws {
        let result = try home.cake("serve", "--listen", "127.0.0.1:0", "--audit-log", home.path("no/where").path)
        #expect(result.status != 0 && result.errors.contains("no/where"), "\(result.errors)")
    }
}

@Suite struct `Options of a server's operator` {
    @Test(arguments: [
        "--quota 5GB", "--push --quota x", "--push --quota 'a b=5GB'", "--push --quota 5GB --quota 6GB",
        "--gc-every 30s",
        "--gc-every never", "--upstream https://hub.example --quota 'team/*=5GB'",
    ]) func `are refused with words where they mean nothing`(words: String) throws {
        let result = try Home().shell("$CAKE serve --listen 127.0.0.1:0 \(words)")
        #expect(result.status == 2 && result.errors.contains("fix: "), "\(words): \(result.errors)")
    }

    @Test func `let a server refuse a push with words that the client shows`() throws {
        let home = try Home()
        try home.makeModel("one")
        try home.cake("import", home.path("one").path, "one")
        let served = try Served(home, "--push", "--quota", "team/*=1kB")
        let push = try home.cake("push", "one", "127.0.0.1:\(served.port)/team/m:v1")
        #expect(push.status == 15 && push.errors.contains("the quota of team/* is 1.0 kB"), "\(push.errors)")
        #expect(try home.cake("push", "one", "127.0.0.1:\(served.port)/other/m:v1").status == 0)
        try served.end()
    }
}
