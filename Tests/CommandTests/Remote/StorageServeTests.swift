import Foundation
import Support
import Testing

@testable import cake

/// Servers over a bucket, and clients of them.
@Suite struct `cake serve over a bucket` {
    private let stand: S3Stand
    private let home: Home
    private let place = "s3://bucket/registry"

    init() throws {
        stand = try S3Stand(.ceph)
        home = try Home()
    }

    private var keys: [String: String] { ["AWS_ACCESS_KEY_ID": "the-key", "AWS_SECRET_ACCESS_KEY": "the-secret"] }

    private func serve(in home: Home, _ words: String...) throws -> Served {
        let all = ["--storage", place, "--s3-endpoint", stand.endpoint] + words
        return try Served(home, all, variables: keys)
    }

    private func cake(_ words: String...) throws -> String {
        let tool = try home.cake(words, variables: keys)
        #expect(tool.status == 0, "\(words): \(tool.errors)\(tool.output)")
        return tool.output
    }

    @Test func `gives at one server what was pushed to the other, and in the bucket itself`() throws {
        let homes = (try Home(), try Home())
        let one = try serve(in: homes.0, "--push")
        let other = try serve(in: homes.1, "--no-redirect", "--cache", "1MB")
        let model = try home.makeModel("base", tensors: 8, of: 1 << 17)
        let bytes = try Data(contentsOf: model.appending(path: "model.safetensors"))
        _ = try cake("import", model.path, "base")
        _ = try cake("push", "base", "127.0.0.1:\(one.port)/team/base:v1")
        for source in [
            "127.0.0.1:\(one.port)/team/base:v1", "127.0.0.1:\(other.port)/team/base:v1", "\(place)/team/base:v1",
        ] {
            let user = try Home()
            for words in [["pull", source, "m"], ["export", "m", "-o", user.path("out").path]] {
                let tool = try user.cake(words, variables: keys.merging(["AWS_ENDPOINT_URL": stand.endpoint]) { $1 })
                #expect(tool.status == 0, "\(words): \(tool.errors)")
            }
            #expect(try Data(contentsOf: user.path("out/model.safetensors")) == bytes, "\(source)")
        }
        let file = try other.ask("GET", "/team/base/resolve/v1/model.safetensors", [("Range", "bytes=100000-300000")])
        #expect(file.status == 206 && file.body == Array(bytes[100_000...300_000]))
        #expect(try other.ask("POST", "/v2/team/base/blobs/uploads/", [], []).status == 405)
        for server in [one, other] { try server.end() }
        let log = try String(contentsOf: homes.0.path("log"), encoding: .utf8)
        #expect(!log.contains("X-Amz-Signature") && !log.contains("the-secret"))
    }

    @Test func `takes tokens that are made in the bucket`() throws {
        let server = try serve(in: home, "--push")
        #expect(try server.ask("GET", "/v2/").status == 200)
        let options = ["--storage", place, "--s3-endpoint", stand.endpoint]
        let made = try home.cake(["serve", "token", "add", "ci", "--push=team/*"] + options, variables: keys)
        #expect(made.status == 0, "\(made.errors)")
        let secret = made.output.trimmingCharacters(in: .whitespacesAndNewlines)
        for _ in 0..<100_000 { if try server.ask("GET", "/v2/").status == 401 { break } }
        #expect(try server.ask("GET", "/v2/").status == 401)
        #expect(try server.ask("GET", "/v2/", [("Authorization", "Bearer \(secret)")]).status == 200)
        let listed = try home.cake(["serve", "token", "ls"] + options, variables: keys)
        #expect(listed.output == "ci: push team/*\n")
        #expect(try home.cake(["serve", "token", "ls"], variables: keys).output != listed.output)
        try server.end()
    }

    @Test(arguments: [
        (["--storage", "models"], "does not begin with s3://"), (["--cache", "1GB"], "are for --storage"),
        (["--no-redirect"], "are for --storage"),
        (
            ["--storage", "s3://bucket/x", "--upstream", "http://127.0.0.1:1", "--quota", "1GB"],
            "--quota needs a store"
        ),
        (["--storage", "s3://bucket/x", "--views", "image"], "--views needs a store"),
    ]) func `is refused with words`(words: [String], said: String) throws {
        let result = try home.cake(["serve"] + words, variables: keys)
        #expect(
            result.status == 2 && result.errors.contains(said) && result.errors.contains("fix:"), "\(result.errors)")
    }
}
