import Hub
import Model
import Platform
import Store
import Support
import Testing

@testable import Transfer

/// Permanent faults: the pull ends with an error, leaves nothing wrong behind, and the next one succeeds.
@Suite struct `A pull from a hub that goes on misbehaving` {
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
            .network, "requested bytes from 0", because: .header("Content-Range", "bytes 5-99/*"),
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
        try await fails(.failed, "redirects more than", because: .redirectToItself, when: heads)
        try await fails(.failed, "redirects more than", because: .redirectToItself, when: .cdn())
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
        #expect(failure.kind == .damaged && failure.what.contains("changed at commit"))
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
        // A wish to wait until tomorrow is not followed.
        line.hub.misbehave(.answer(429, headers: ["Retry-After": "86400"]), when: .path(with: "/revision/"))
        let busy = try #require(await #expect(throws: CakeError.self) { try await line.pull() })
        #expect(busy.kind == .network && busy.what.contains("limits the number of requests"))
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
