import Hub
import Model
import Network
import Platform
import Testing

@Suite struct `What the hub refuses` {
    struct Case: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let path: String
        let token: String?
        let status: Int
        let code: String?

        init(_ what: String, _ path: String, _ token: String?, _ status: Int, _ code: String?) {
            (testDescription, self.path, self.token, self.status, self.code) = (what, path, token, status, code)
        }
    }

    static func stage() throws -> Stage {
        var settings = HubSettings()
        settings.users = ["hf_good": .init("tester", reads: ["org/gated", "org/private"]), "hf_other": .init("other")]
        let stage = try Stage(settings)
        for name in ["gated", "private", "off"] {
            try stage.folder.write(
                "org/\(name)", ["config.json": Stage.small, "README.md": Stage.small, "x.bin": Stage.large(10)])
        }
        try stage.folder.set("org/gated", gated: "auto")
        try stage.folder.set("org/private", isPrivate: true)
        try stage.folder.set("org/off", isDisabled: true)
        try stage.folder.set("org/old", movedTo: "org/base")
        return stage
    }

    static let cases = [
        Case("a missing file", "/org/base/resolve/main/none", nil, 404, "EntryNotFound"),
        Case("a missing revision", "/org/base/resolve/none/config.json", nil, 404, "RevisionNotFound"),
        Case("a missing revision's tree", "/api/models/org/base/tree/none", nil, 404, "RevisionNotFound"),
        Case("a missing repository, anonymous", "/org/none/resolve/main/x", nil, 401, "RepoNotFound"),
        Case("a missing repository, signed in", "/api/models/org/none", "hf_good", 404, "RepoNotFound"),
        Case("a private one, anonymous", "/api/models/org/private", nil, 401, "RepoNotFound"),
        Case("a private one, another's", "/org/private/resolve/main/config.json", "hf_other", 404, "RepoNotFound"),
        Case("a private one, one's own", "/org/private/resolve/main/config.json", "hf_good", 200, nil),
        Case("a gated one, anonymous", "/org/gated/resolve/main/config.json", nil, 401, "GatedRepo"),
        Case("a gated one, bad token", "/org/gated/resolve/main/config.json", "hf_bad", 401, "GatedRepo"),
        Case("a gated one, not admitted", "/org/gated/resolve/main/none", "hf_other", 403, "GatedRepo"),
        Case("a gated one, admitted", "/org/gated/resolve/main/x.bin", "hf_good", 302, nil),
        Case("a gated one's card", "/org/gated/resolve/main/README.md", nil, 200, nil),
        Case("a disabled one", "/api/models/org/off", nil, 403, nil),
        Case("a bad token", "/api/models/org/base", "hf_bad", 401, nil),
        Case("a moved one", "/org/old/resolve/main/config.json", nil, 307, nil),
        Case("nobody", "/api/whoami-v2", nil, 401, nil),
        Case("what is not there", "/api/agent-harnesses", nil, 404, nil),
    ]

    @Test(arguments: cases) func `is told with its status and code`(what: Case) async throws {
        let answer = try await Self.stage().ask(what.path, token: what.token)
        #expect(answer.head.status == what.status)
        #expect(answer.head["x-error-code"] == what.code)
        if what.status >= 400 { #expect(answer.head["x-error-message"] != nil) }
    }

    @Test func `shows no digests of a gated repository to those outside`() async throws {
        let stage = try Self.stage()
        let oid = { (token: String?) in
            try await stage.json("/api/models/org/gated/tree/main", token: token).array?.last?["lfs"]?["oid"]?.string
        }
        #expect(try await oid(nil) == String(repeating: "*", count: 64))
        #expect(try await oid("hf_good") == SHA256.digest(of: Stage.large(10).span).hex)
    }

    @Test func `leaves out the code of a missing repository, as the Hub does, when asked to`() async throws {
        var settings = HubSettings()
        settings.namesMissingRepositories = false
        let head = try await Stage(settings).ask("/api/models/org/none").head
        #expect(
            head.status == 401 && head["x-error-code"] == nil && head["www-authenticate"]?.hasPrefix("Bearer") == true)
    }

    @Test func `is too much for its quota, and says when to come back`() async throws {
        var settings = HubSettings()
        settings.resolverQuota = .init(requests: 2, seconds: 100_000)
        let stage = try Stage(settings)
        let heads = [
            try await stage.ask("/org/base/resolve/main/x").head, try await stage.ask("/org/base/resolve/main/x").head,
        ]
        #expect(heads.map { $0["ratelimit"]?.hasPrefix("\"resolvers\";r=") } == [true, true])
        let third = try await stage.ask("/org/base/resolve/main/config.json").head
        #expect(third.status == 429 && third["ratelimit"]?.hasPrefix("\"resolvers\";r=0;t=") == true)
        #expect(third["retry-after"].flatMap { Int($0) } ?? 0 > 90_000)
        #expect(try await stage.ask("/api/models/org/base").head.status == 200)
    }
}
