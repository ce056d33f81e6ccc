import Foundation
import Model
import Network
import Platform
import Server
import Storage
import Store
import Support
import Testing

@Suite struct `The record of a request` {
    private let stage: Stage
    private let secret: String

    init() throws {
        stage = try Stage()
        secret = try RegistryStore(stage.store).addToken("ci", read: [], push: [RepositoryPattern("team/*")])
    }

    /// Each route once, as the bearer of the token and as others, and the name that the log gets.
    @Test func `has the name of the token that was sent, on every route and with every outcome`() throws {
        let name = sha256([1])
        let rows: [(method: String, address: String, body: [UInt8]?, status: Int)] = [
            ("GET", "/v2/", nil, 200), ("GET", "/", nil, 404), ("GET", "/metrics", nil, 200),
            ("POST", "/v2/team/a/blobs/uploads/?digest=\(name)", [1], 201),
            ("HEAD", "/v2/team/a/blobs/\(name)", nil, 200), ("GET", "/v2/team/a/blobs/\(name)", nil, 200),
            // Once more, as a client that reads by ranges.
            ("GET", "/v2/team/a/blobs/\(name)", nil, 200), ("GET", "/v2/team/a/tags/list", nil, 200),
            ("GET", "/v2/other/tags/list", nil, 403), ("POST", "/v2/other/blobs/uploads/", [], 403),
            ("GET", "/v2/team/a/manifests/v1", nil, 404), ("DELETE", "/v2/team/a/blobs/\(name)", nil, 202),
            ("GET", "/v2/_catalog", nil, 200), ("GET", "/api/whoami-v2", nil, 200), ("GET", "/nonsense", nil, 404),
            ("GET", "/v2/_cake/search?q=x", nil, 200),
        ]
        for (number, row) in rows.enumerated() {
            let reply = try stage.ask(row.method, row.address, [("Authorization", "Bearer \(secret)")], row.body)
            #expect(reply.status == row.status, "\(row.method) \(row.address): \(reply.text)")
            try waits(until: "the request is in the log") { stage.log.all.count > number }
        }
        #expect(stage.log.all.map(\.token) == rows.map { _ in "ci" })
        for header in [[("Authorization", "Bearer cake_wrong")], []] {
            let count = stage.log.all.count
            _ = try stage.ask("GET", "/v2/team/a/tags/list", header)
            try waits(until: "the request is in the log") { stage.log.all.count > count }
            #expect(stage.log.all.last?.status == 401 && stage.log.all.last?.token == nil)
        }
    }

    @Test func `counts those that could not be noted`() throws {
        let secret = secret
        let stage = try Stage(stage.scratch) { $0.audit = { _ in false } }
        let header = [("Authorization", "Bearer \(secret)")]
        _ = try stage.ask("GET", "/v2/", header)
        try waits(until: "the request is counted") {
            try !stage.ask("GET", "/metrics", header).text.contains("cake_audit_failures_total 0\n")
        }
    }
}
