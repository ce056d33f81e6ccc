import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

/// Temporary faults: the pull continues by itself.
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
        Case("no total in Content-Range", .header("Content-Range", "bytes 0-65535/*"), when: .cdn().times(1)),
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
            // The beginning is asked for first. Of that answer no more comes than is needed to see what it is.
            line.hub.misbehave(.ignoreRange, .stall(afterBytes: 1 << 20), when: .cdn().times(1))
            line.hub.misbehave(.ignoreRange, when: .cdn().skipping(1))
            try await line.pull()
            try await line.expectExact()
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
