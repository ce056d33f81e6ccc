import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

/// What passes: the pull goes on by itself.
@Suite struct `A pull from a hub that misbehaves for a while` {
    struct Case: CustomTestStringConvertible, Sendable {
        let testDescription: String
        let acts: [Misbehaviour]
        let match: Match

        init(_ name: String, _ acts: Misbehaviour..., when match: Match) {
            testDescription = name
            self.acts = acts
            self.match = match
        }
    }

    static let cases: [Case] = [
        Case("connections cut after some bytes", .cut(afterBytes: 150_000), when: .cdn().times(4)),
        Case("connections cut before any byte", .cut(afterBytes: 0), when: .cdn().times(2)),
        Case("no answer", .hangUp, when: .cdn().times(2)),
        Case("no answer about addresses", .hangUp, when: Match.anything.method("HEAD").times(2)),
        Case("no answer about the tree", .hangUp, when: .path(with: "/tree/").times(1)),
        Case("a tree that is cut", .cut(afterBytes: 40), when: .path(with: "/tree/").times(1)),
        Case("more bytes than said", .longer(by: 5000), when: .cdn().times(3)),
        Case("more bytes of a small file than said", .longer(by: 5000), when: .path(with: "config.json")),
        Case("a length that is too small", .understated(by: 70_000), when: .cdn().times(3)),
        Case("a wrong byte", .flip(atByte: 500_000), when: .cdn().times(1)),
        Case("a wrong byte of a small file", .flip(atByte: 3), when: .path(endingIn: "config.json").times(2)),
        Case("a header that lies on the way", .overwrite(atByte: 0, safetensorsLength(900)), when: .cdn().times(1)),
        Case("a header of nonsense on the way", .overwrite(atByte: 8, [0, 1, 2]), when: .cdn().times(1)),
        Case("another file's bytes", .overwrite(atByte: 300_000, [1, 2, 3, 4]), when: .cdn().skipping(1).times(1)),
        Case("no ranges", .ignoreRange, when: .cdn()),
        Case("500", .answer(500), when: .cdn().times(1)),
        Case("503 with a page", .answer(503, body: String(repeating: "<p>", count: 50_000)), when: .cdn().times(2)),
        Case("503 about the repository", .answer(503), when: .path(with: "/revision/").times(1)),
        Case("502 about addresses", .answer(502), when: Match.anything.method("HEAD").times(1)),
        Case("429", .answer(429), when: .cdn().times(1)),
        Case("429 and when", .answer(429, headers: ["Retry-After": "1"]), when: Match.anything.method("HEAD").times(1)),
        Case(
            "429 and how long the window lasts",
            .answer(429, headers: ["RateLimit": "\"resolvers\";r=0;t=0"]), when: .path(with: "/resolve/").times(1)),
        Case("429 about the tree", .answer(429, headers: ["Retry-After": "0"]), when: .path(with: "/tree/").times(1)),
        Case("a signed address that expires", .expire(afterBytes: 150_000), when: .cdn().times(2)),
        Case("a signed address that is refused", .answer(403), when: .cdn().times(1)),
        Case("a stalled answer", .stall(afterBytes: 200_000), when: .cdn().times(1)),
        Case("a stalled answer without a byte", .stall(afterBytes: 0), when: .cdn().times(1)),
        Case("hidden hashes", .maskedHashes, when: .anything),
        Case("no total in Content-Range", .header("Content-Range", "bytes 0-262143/*"), when: .cdn().times(1)),
    ]

    @Test(arguments: cases) func `ends well`(_ one: Case) async throws {
        let line = try PullLine()
        line.hub.misbehave(one.acts, when: one.match)
        try await line.pull(stallSeconds: 1)
        try await line.expectExact()
        #expect(try await onPool { try await line.shelf.damages() }.isEmpty)
    }

    @Test func `asks again for nothing that came when answers end too early`() async throws {
        let line = try PullLine(try PullLine.large())
        line.hub.misbehave(.shorter(by: 100_000), when: .cdn().skipping(1).times(6))
        try await line.pull()
        try await line.expectExact()
        #expect(line.sent == line.size(of: "model.safetensors"))
    }

    @Test func `asks again for little when connections are cut`() async throws {
        let line = try PullLine(try PullLine.large()) { $0.sendBuffer = 32 << 10 }
        let cuts = 5
        line.hub.misbehave(.cut(afterBytes: 700_000), when: .cdn().skipping(1).times(cuts))
        try await line.pull()
        try await line.expectExact()
        // A reset throws away what lies unread in the two kernels, no more.
        #expect(line.sent - line.size(of: "model.safetensors") < UInt64(cuts) * 700_000)
        let ranges = line.hub.requests.filter { $0.place == .cdn }.compactMap(\.range)
        #expect(Set(ranges).count > ranges.count / 2)
    }

    @Test func `does not fetch a file again for each span when ranges are ignored`() async throws {
        for name in ["weights.bin", "model.safetensors"] {
            let bytes =
                name == "weights.bin" ? seededBytes(9 << 20, seed: 5) : try PullLine.large()["model.safetensors"]!
            let line = try PullLine([name: bytes]) { $0.sendBuffer = 32 << 10 }
            line.hub.misbehave(.ignoreRange, when: .cdn())
            try await line.pull()
            try await line.expectExact()
            // Once whole, and the beginning that was asked for first with what lay in the kernels then.
            #expect(line.sent < 2 * UInt64(bytes.count), "\(name)")
            #expect(line.hub.count(.cdn()) == 2)
        }
    }

    @Test func `does not send its token to another host`() async throws {
        let line = try PullLine { $0.users = ["hf_secretsecretsecret": .init("tester", reads: [PullLine.name])] }
        try line.folder.set(PullLine.name, isPrivate: true)
        try await line.pull(token: "hf_secretsecretsecret")
        try await line.expectExact()
        let (hub, cdn) = (line.hub.requests.filter { $0.place == .hub }, line.hub.requests.filter { $0.place == .cdn })
        #expect(!cdn.isEmpty && cdn.allSatisfy { $0.authorization == nil })
        #expect(hub.allSatisfy { $0.authorization == "Bearer hf_secretsecretsecret" })
        #expect(line.hub.requests.allSatisfy { !$0.target.contains("secretsecret") })
    }

    @Test func `lists fifty thousand files over many pages`() async throws {
        let line = try PullLine()
        line.hub.misbehave(.hugeTree(files: 50_000), when: .path(with: "/tree/"))
        let snapshot = try await line.snapshot()
        #expect(snapshot.files.count == 50_000)
        #expect(line.hub.count(.path(with: "/tree/")) == 50)
    }
}

/// What does not pass: the pull ends in words, leaves nothing wrong behind, and the next one succeeds.
@Suite struct `A pull from a hub that goes on misbehaving` {
    typealias Case = `A pull from a hub that misbehaves for a while`.Case

    private func fails(
        _ kind: CakeError.Kind, _ words: String..., because act: Misbehaviour, when match: Match,
        at place: SourceLocation = #_sourceLocation
    ) async throws {
        let line = try PullLine()
        line.hub.misbehave(act, when: match)
        let failure = try await line.failsCleanly(at: place)
        #expect(failure.kind == kind, "\(failure)", sourceLocation: place)
        #expect(failure.fix != nil, "\(failure)", sourceLocation: place)
        for word in words { #expect(failure.what.contains(word), "\(failure)", sourceLocation: place) }
    }

    @Test func `fails as damaged when bytes are wrong twice, and keeps nothing of them`() async throws {
        let line = try PullLine()
        let rule = line.hub.misbehave(.flip(atByte: 700_000), when: .cdn())
        await #expect(throws: CakeError.self) { try await line.pull() }
        let bytes = try #require(line.files["model.safetensors"])
        let weights = SHA256.digest(of: bytes.span)
        #expect(try !line.parts().contains(weights.hex))
        #expect(line.sent == 2 * line.size(of: "model.safetensors"))
        line.hub.behave(rule)
        try await fails(.damaged, "model.safetensors", "twice", because: .flip(atByte: 700_000), when: .cdn())
        try await fails(.damaged, "config.json", because: .flip(atByte: 1), when: .path(endingIn: "config.json"))
    }

    @Test func `refuses what is hidden in the listing when it is not what the address says`() async throws {
        let line = try PullLine()
        line.hub.misbehave(.maskedHashes, when: .anything)
        line.hub.misbehave(.flip(atByte: 700_000), when: .cdn())
        #expect(try await line.failsCleanly().kind == .damaged)
    }

    @Test func `refuses answers that do not say which bytes they are`() async throws {
        try await fails(.network, "which bytes", because: .header("Content-Range", nil), when: .cdn())
        try await fails(.network, "which bytes", because: .header("Content-Range", "bytes x"), when: .cdn())
        try await fails(
            .network, "asked for bytes from 0", because: .header("Content-Range", "bytes 5-99/*"),
            when: .cdn())
    }

    @Test func `refuses a file that is not as long as it was listed`() async throws {
        try await fails(
            .damaged, "has 77 bytes now", because: .header("Content-Range", "bytes 0-76/77"), when: .cdn())
        try await fails(.damaged, "no bytes", because: .answer(416), when: .cdn())
    }

    @Test func `refuses bodies that are packed`() async throws {
        try await fails(.network, "gzip", because: .gzip, when: .cdn())
        try await fails(.network, "gzip", because: .gzip, when: .path(with: "config.json"))
    }

    @Test func `follows no redirect that leads nowhere or where it should not`() async throws {
        let heads = Match.path(with: "model.safetensors").method("HEAD")
        try await fails(.failed, "from place to place", because: .redirectToItself, when: heads)
        try await fails(.failed, "from place to place", because: .redirectToItself, when: .cdn())
        try await fails(.failed, because: .redirect(to: "file:///etc/passwd"), when: heads)
        try await fails(.failed, because: .redirect(to: "file:///etc/passwd"), when: .cdn())
        try await fails(.failed, because: .redirect(to: "ftp://127.0.0.1/x"), when: .path(with: "/tree/"))
        try await fails(.failed, because: .redirect(to: "gopher:x"), when: .path(with: "/revision/"))
    }

    @Test func `says so when the file changed under its commit`() async throws {
        let line = try PullLine()
        let other = line.scratch["other"]
        try ModelMaker.write(["f": seededBytes(1000, seed: 9)], to: other)
        line.hub.misbehave(.serve(path: other + "/f"), when: Match.path(with: "model.safetensors").method("HEAD"))
        let failure = try await line.failsCleanly()
        #expect(failure.kind == .damaged && failure.what.contains("changed under commit"))
    }

    @Test func `refuses paths that leave the folder`() async throws {
        for path in ["../out", "a/../../out", "/etc/out", "a\\..\\out", "a\u{0}b", "a//b", "."] {
            try await fails(
                .damaged, because: .treeEntries([.init(path: path, size: 3)]), when: .path(with: "/tree/"))
        }
    }

    @Test func `gives up when the trouble lasts, and says whose it is`() async throws {
        let line = try PullLine()
        line.hub.misbehave(.answer(503, headers: ["Retry-After": "0"]), when: .cdn())
        let failure = try await line.failsCleanly()
        #expect(failure.kind == .network && failure.what.contains("503"))
        // Asked to come again tomorrow, nobody waits.
        line.hub.misbehave(.answer(429, headers: ["Retry-After": "86400"]), when: .path(with: "/revision/"))
        let busy = try #require(await #expect(throws: CakeError.self) { try await line.pull() })
        #expect(busy.kind == .network && busy.what.contains("fewer requests"))
    }

    @Test func `keeps a file whose header lies as plain bytes, and says so`() async throws {
        var long = seededBytes(5000, seed: 1)
        var count = 1
        for lie in [UInt64.max, UInt64(Int.max), 100_000_001, 99_999_999, 4993, 4992, 0, 20] {
            long.replaceSubrange(0..<8, with: safetensorsLength(lie))
            let line = try PullLine([
                "model.safetensors": long, "b.safetensors": Array(long.prefix(count)), "c.safetensors": [],
            ])
            count += 1
            let report = try await line.pull()
            try await line.expectExact()
            #expect(report.complaints.count == 3, "\(lie)")
        }
    }
}

@Suite struct `A refusal` {
    static let token = "hf_secretsecretsecret"

    private func refused(
        _ name: String = PullLine.name, revision: String? = nil, token: String? = nil,
        isPrivate: Bool = false, gated: String? = nil, isDisabled: Bool = false, reads: Bool = false,
        when rules: (Hub) -> Void = { _ in }
    ) async throws -> CakeError {
        let line = try PullLine { settings in
            settings.users[Self.token] = .init("tester", reads: reads ? [PullLine.name] : [])
        }
        try line.folder.set(PullLine.name, isPrivate: isPrivate, gated: gated, isDisabled: isDisabled)
        rules(line.hub)
        let failure = try #require(
            await #expect(throws: CakeError.self) { try await line.pull(name, revision: revision, token: token) })
        #expect(try line.shelf.names() == [])
        let text = failure.what + (failure.fix ?? "")
        #expect(!text.contains("secretsecret"), "\(text)")
        #expect(failure.fix != nil, "\(text)")
        return failure
    }

    @Test func `has a sentence of its own for each meaning`() async throws {
        let found: [(CakeError, CakeError.Kind)] = [
            (try await refused("org/nothing"), .notFound),
            (try await refused("org/nothing", token: Self.token), .notFound),
            (try await refused(revision: "v9"), .notFound),
            (try await refused(gated: "auto"), .notAuthorised),
            (try await refused(token: Self.token, gated: "auto"), .notAuthorised),
            (try await refused(token: "hf_unknownunknownunknown"), .notAuthorised),
            (try await refused(isDisabled: true), .notAuthorised),
            (
                try await refused(token: Self.token) { hub in
                    hub.misbehave(.answer(403), when: Match.path(with: "model.safetensors").method("HEAD"))
                }, .notAuthorised
            ),
            (
                try await refused { hub in
                    hub.misbehave(
                        .answer(404, headers: ["X-Error-Code": "EntryNotFound"]),
                        when: Match.path(with: "model.safetensors").method("HEAD"))
                }, .notFound
            ),
            (try await refused { $0.misbehave(.answer(418), when: .path(with: "/tree/")) }, .failed),
            (try await refused { $0.misbehave(.answer(404), when: .path(with: "/revision/")) }, .notFound),
        ]
        for (failure, kind) in found { #expect(failure.kind == kind, "\(failure)") }
        let sentences = found.map(\.0.what)
        #expect(Set(sentences).count == sentences.count, "\(sentences)")
        // To the anonymous, a private repository is one that is not there.
        #expect(try await refused(isPrivate: true).kind == .notFound)
        #expect(try await refused(token: Self.token, isPrivate: true).kind == .notFound)
    }

    @Test func `is understood whatever page comes with it`() async throws {
        let page = "<html>" + String(repeating: "x", count: 200_000)
        let failure = try await refused { $0.misbehave(.answer(404, body: page), when: .path(with: "/revision/")) }
        #expect(failure.kind == .notFound)
    }

    @Test func `does not repeat the token, should the server do so`() async throws {
        for status in [400, 401, 403, 404, 418] {
            for place in ["/revision/", "/tree/", "/resolve/"] {
                _ = try await refused(token: Self.token) { hub in
                    let words = "no: Bearer \(Self.token), really"
                    hub.misbehave(
                        .answer(status, headers: ["X-Error-Message": words], body: words), when: .path(with: place))
                }
            }
        }
        _ = try await refused(token: Self.token) { hub in
            hub.misbehave(.redirect(to: "ftp://\(Self.token)@x/\(Self.token)"), when: .path(with: "/resolve/"))
        }
    }
}
