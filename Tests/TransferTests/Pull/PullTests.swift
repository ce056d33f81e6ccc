import Hub
import Model
import Platform
import Store
import Support
import Synchronization
import Testing

@testable import Transfer

@Suite struct `A pull` {
    @Test func `brings every file exactly, asks for each byte once and for each address once`() async throws {
        let line = try PullLine(try PullLine.large().merging(ModelMaker.small(seed: 3)) { old, _ in old })
        let report = try await line.pull()
        try await line.expectExact()
        let total = line.files.values.reduce(UInt64(0)) { $0 + UInt64($1.count) }
        #expect(report.bytes == total && report.bytesFetched == total)
        #expect(report.bytesSaved.values.allSatisfy { $0 == 0 })
        #expect(line.sent == line.size(of: "model.safetensors"))
        #expect(line.hub.count(.path(endingIn: "model.safetensors").method("HEAD")) == 1)
        #expect(line.hub.requests.allSatisfy { $0["accept-encoding"] == "identity" })
    }

    @Test func `asks for a large file's address once, also when it has no header`() async throws {
        let line = try PullLine(["weights.bin": seededBytes(9 << 20, seed: 4)])
        try await line.pull()
        try await line.expectExact()
        #expect(line.hub.count(.path(endingIn: "weights.bin").method("HEAD")) == 1)
        #expect(line.sent == 9 << 20)
    }

    @Test func `fetches a file that is here under another name not at all`() async throws {
        let line = try PullLine()
        try line.folder.write("other/copy", line.files)
        try await line.pull()
        line.hub.forgetRequests()
        let report = try await line.pull("other/copy")
        try await line.expectExact("other/copy")
        #expect(report.bytesFetched == 0)
        #expect(report.bytesSaved[.knownFile] == report.bytes)
        // The question what there is, and its answer.
        #expect(line.hub.requests.allSatisfy { $0.path.hasPrefix("/api/models/other/copy") })
    }

    @Test func `leaves what another of the same name has brought meanwhile`() async throws {
        let line = try PullLine()
        let all = try await line.snapshot().files
        line.hub.misbehave(.stall(afterBytes: 100_000), when: .cdn().skipping(1).times(1))
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await line.pull(files: all.filter { $0.isLarge }) }
            await line.hub.wait { $0.contains { $0.isStalled } }
            try await line.pull(files: all.filter { !$0.isLarge })
            line.hub.release()
            try await group.waitForAll()
        }
        try await line.expectExact()
    }

    @Test func `fetches of a model only the files that changed`() async throws {
        var files = try PullLine.large()
        for number in 0..<4 { files["shard-\(number).bin"] = seededBytes(2 << 20, seed: UInt64(number)) }
        files["config.json"] = Array("{}\n".utf8)
        let line = try PullLine(files)
        try await line.pull()
        line.hub.forgetRequests()
        files["shard-1.bin"] = seededBytes(2 << 20, seed: 77)
        files["config.json"] = Array("{ }\n".utf8)
        try line.folder.write(PullLine.name, files, revision: "v2")
        let report = try await line.pull(revision: "v2")
        try await line.expectExact(PullLine.name, files)
        #expect(line.sent == 2 << 20)
        #expect(report.bytesFetched == 2 << 20 + 4)
    }

    @Test func `knows small files by what git calls them`() async throws {
        let line = try PullLine()
        try await line.pull()
        try line.folder.write("other/model", ["config.json": line.files["config.json"]!, "new.json": [1, 2]])
        line.hub.forgetRequests()
        try await line.pull("other/model")
        #expect(line.hub.count(.path(with: "config.json")) == 0)
        #expect(line.hub.count(.path(endingIn: "new.json").method("GET")) > 0)
    }

    @Test func `brings files that are equal once`() async throws {
        let weights = try PullLine.large()["model.safetensors"]!
        let line = try PullLine([
            "a.safetensors": weights, "b/c.safetensors": weights, "d.bin": weights, "x.txt": [1], "y.txt": [1],
        ])
        let report = try await line.pull()
        try await line.expectExact()
        #expect(line.sent == UInt64(weights.count))
        #expect(report.bytesSaved[.knownFile] == UInt64(2 * weights.count))
    }

    @Test func `brings more files than are open at once`() async throws {
        var files = ModelMaker.Files()
        for number in 0..<35 { files["part/\(number).json"] = Array("\(number)".utf8) }
        let line = try PullLine(files)
        var options = Pull.Options()
        options.filesAtOnce = 10
        let report = try await line.pull(with: options)
        try await line.expectExact()
        #expect(report.bytesFetched == report.bytes)
        // The manifest that held the files before the model had its name is gone now.
        _ = try await onPool { try line.shelf.collect() }
        #expect(try line.shelf.entries("manifests").count == 1)
        try await line.expectExact()
    }

    @Test func `takes files from a Hugging Face cache, and from the network what is damaged there`() async throws {
        let line = try PullLine()
        let cache = line.scratch["cache"]
        let weights = line.files["model.safetensors"]!
        let sha256 = SHA256.digest(of: weights.span).hex
        let blobs = cache + "/models--org--model/blobs"
        try ModelMaker.write([sha256: weights], to: blobs)
        var options = Pull.Options()
        options.caches = [line.scratch["nothing"], cache]
        let report = try await line.pull(with: options)
        try await line.expectExact()
        #expect(line.sent == 0 && report.bytesSaved[.cachedFile] == UInt64(weights.count))

        try Bend.flip(blobs + "/" + sha256, at: -5)
        let other = try PullLine()
        try await other.pull(with: options)
        try await other.expectExact()
        #expect(other.sent == UInt64(weights.count))
        // A wrong copy costs no try.
        let third = try PullLine()
        third.hub.misbehave(.flip(atByte: 600_000), when: .cdn().times(1))
        try await third.pull(with: options)
        try await third.expectExact()
        // Forced, it is not looked at.
        options.isForced = true
        let fourth = try PullLine()
        try await fourth.pull(with: options)
        #expect(fourth.sent == UInt64(weights.count))
    }

    @Test func `fetches all again when it is forced to`() async throws {
        let line = try PullLine()
        try await line.pull()
        line.hub.forgetRequests()
        var options = Pull.Options()
        options.isForced = true
        try await line.pull(with: options)
        #expect(line.sent == line.size(of: "model.safetensors"))
        try await line.expectExact()
    }

    @Test func `that is cancelled ends, keeps what came, and goes on from there`() async throws {
        let line = try PullLine(try PullLine.large()) { $0.sendBuffer = 64 << 10 }
        line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn().skipping(1))
        let task = Task { try await line.pull() }
        await line.hub.wait { $0.contains { $0.isStalled } }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        #expect(try line.shelf.names() == [] && line.parts().count == 1)
        line.hub.behave()
        line.hub.release()
        let report = try await line.pull()
        try await line.expectExact()
        let resumed = try #require(report.bytesSaved[.resumed])
        #expect(resumed >= 256 << 10)
        #expect(resumed + report.bytesFetched == report.bytes)
    }

    @Test func `of two at once is done once, and both end well`() async throws {
        let line = try PullLine(try PullLine.large())
        let other = try Shelf(at: line.shelf.root)
        line.hub.misbehave(.stall(afterBytes: 1 << 20), when: .cdn().skipping(1).times(1))
        async let first = line.pull()
        await line.hub.wait { $0.contains { $0.isStalled } }
        let (waits, continuation) = AsyncStream.makeStream(of: Void.self)
        // The stream ends when the second did not have to wait: a slow enough client gives up a stalled connection.
        async let second = { () async throws -> Pull.Report in
            defer { continuation.finish() }
            return try await line.pull(into: other) { _ in continuation.yield() }
        }()
        for await _ in waits { break }
        line.hub.release()
        let reports = try await [first, second]
        #expect(line.sent == line.size(of: "model.safetensors"))
        #expect(reports[1].bytesFetched == 0)
        try await line.expectExact()
    }

    @Test func `of two that share files in another order never waits for the other in a circle`() async throws {
        let shared = (0..<12).map { seededBytes(1 << 20, seed: UInt64($0)) }
        let line = try PullLine(
            Dictionary(uniqueKeysWithValues: shared.enumerated().map { ("\(10 + $0.0).bin", $0.1) }))
        try line.folder.write(
            "other/way", Dictionary(uniqueKeysWithValues: shared.enumerated().map { ("\(90 - $0.0).bin", $0.1) }))
        let other = try Shelf(at: line.shelf.root)
        async let first = line.pull()
        async let second = line.pull("other/way", into: other)
        _ = try await [first, second]
        #expect(line.sent == 12 << 20)
        try await line.expectExact()
    }

    @Test func `keeps to a rate, over all that it takes and over any pause`() {
        var rate = Rate(bytesPerSecond: 1000)
        let start = ContinuousClock.now
        #expect(rate.take(500, at: start) == start + .milliseconds(500))
        #expect(rate.take(250, at: start + .milliseconds(10)) == start + .milliseconds(750))
        #expect(rate.take(1000, at: start + .seconds(9)) == start + .seconds(10))
    }
}
