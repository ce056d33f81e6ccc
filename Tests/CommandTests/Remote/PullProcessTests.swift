import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

/// The cake that people run, against a hub beside it.
@Suite(.serialized) struct `A cake that pulls` {
    private let home: Home
    private let folder: HubFolder
    private let hub: Hub
    private let weights: [UInt8]
    /// Of leases and notes that lie beside the bytes.
    private let slack: UInt64 = 8 << 10

    init() throws {
        home = try Home()
        folder = try HubFolder()
        weights = try ModelMaker.safetensors([
            .init("a", bytes: 20 << 20, seed: 1, .mixed), .init("b", bytes: 12 << 20, seed: 2, .mixed),
        ])
        try folder.write("org/model", ["model.safetensors": weights, "config.json": Array("{}\n".utf8)])
        var settings = HubSettings()
        settings.sendBuffer = 64 << 10
        settings.users = ["hf_secretsecretsecret": .init("tester", reads: ["org/model"])]
        hub = try Hub(serving: folder.path, settings)
        hub.readAll()
    }

    private var variables: [String: String] {
        ["HOME": home.folder.path, "HF_ENDPOINT": hub.endpoint, "HF_TOKEN": "hf_secretsecretsecret"]
    }

    private func start(_ words: String..., said: String = "said") throws -> Child {
        try Data().write(to: home.path(said))
        return try Child(Tool.cake, words, variables: variables, errors: .file(home.path(said)))
    }

    private func works(_ words: String..., at place: SourceLocation = #_sourceLocation) throws {
        let result = try Tool.run(Tool.cake, words, variables: variables)
        #expect(result.status == 0, "\(words): \(result.errors)", sourceLocation: place)
    }

    private func isExact(at place: SourceLocation = #_sourceLocation) throws {
        try? FileManager.default.removeItem(at: home.path("back"))
        try works("export", "org/model", "-o", home.path("back").path, "-q", at: place)
        let back = Array(try Data(contentsOf: home.path("back/model.safetensors")))
        #expect(back == weights, sourceLocation: place)
        try works("verify", at: place)
    }

    /// Bytes of body that a client has or that were on their way to it.
    private var sent: UInt64 { hub.sent(.cdn()) }

    @Test func `goes on at the byte after kill -9, however often`() throws {
        var random = Randomness(seed: 3)
        hub.misbehave(.drip(bytesPerSecond: 4 << 20), when: .cdn())
        var (kills, total) = (0, UInt64(0))
        let size = UInt64(weights.count)
        // Bytes on their way are lost: this counts the bytes that cake has on its disk, and its next requests.
        for _ in 0..<12 {
            let step = (1 << 20) + random.next() % (2 << 20)
            let victim = try start("pull", "org/model", "-q")
            while victim.isRunning, sent < step {}
            let wasRunning = victim.isRunning
            victim.kill()
            try victim.end()
            if wasRunning { kills += 1 }
            total += sent
            hub.forgetRequests()
            #expect(try home.bytesIncoming() <= weights.count + (1 << 20))
        }
        let here = try home.bytesOfParts()
        hub.behave()
        hub.forgetRequests()
        try works("pull", "org/model", "-q")
        #expect(kills > 3)
        // To the byte: the bytes in parts were not requested again.
        #expect(sent <= size, "\(here)")
        #expect(sent + UInt64(here) <= size + slack, "\(here)")
        // A kill lost the bytes on their way: some hundred kilobytes on each of eight connections.
        #expect(total + sent <= size + UInt64(kills) * (2 << 20), "\(total + sent) for \(size), \(kills) kills")
        try isExact()
    }

    @Test func `ends on Ctrl-C, keeps what came, and says how to go on`() throws {
        hub.misbehave(.stall(afterBytes: 2 << 20), when: .cdn().skipping(1))
        let victim = try start("pull", "org/model")
        // On this thread: tests that wait for programs may hold all that tasks have.
        try victim.waits(until: "the hub stalls") { hub.requests.contains { $0.isStalled } }
        victim.send(SIGINT)
        #expect(try victim.end() == .signal(SIGINT))
        let words = try String(contentsOf: home.path("said"), encoding: .utf8)
        #expect(words.contains("interrupted") && words.contains("kept"), "\(words)")
        let here = try home.bytesOfParts()
        #expect(here > 1 << 20)
        // It is in the listing, and what asks for it says how to go on.
        let listed = try #require(home.cakeDocument("ls")?.array?.first)
        #expect(listed["name"] == "org/model" && listed["partial"] == true && listed["manifest"] == .null)
        #expect(
            try (listed["bytes"]?.unsigned ?? 0) >= UInt64(weights.count) && home.cake("ls", "--names").output.isEmpty)
        for words in [["ls"], ["ls", "org/model"], ["ls", "-l", "org/*"]] {
            #expect(try home.cake(words).output.contains("org/model (partial)"), "\(words)")
        }
        let exported = try home.cake("export", "org/model", "-o", home.path("out").path)
        #expect(exported.status == 10 && exported.errors.contains("org/model is incomplete: "), "\(exported.errors)")
        #expect(exported.errors.contains("fix: cake pull org/model downloads the rest; cake gc --now frees"))
        hub.behave()
        hub.release()
        hub.forgetRequests()
        try works("pull", "org/model", "-q")
        #expect(sent + UInt64(here) <= UInt64(weights.count) + slack)
        #expect(!(try home.cake("ls").output.contains("(partial)")))
        try isExact()
    }

    @Test func `shares the work with another that pulls the same`() throws {
        let both = try [start("pull", "org/model", said: "one"), start("pull", "org/model", said: "two")]
        for pull in both { #expect(try pull.end() == .exit(0)) }
        #expect(sent == UInt64(weights.count))
        try isExact()
    }

    @Test func `loses nothing to a gc that runs without a pause beside it`() throws {
        hub.misbehave(.drip(bytesPerSecond: 8 << 20), when: .cdn())
        let pull = try start("pull", "org/model")
        var gcs = 0
        while pull.isRunning {
            try works("gc", "--grace", "0s", "--force")
            gcs += 1
        }
        let words = try String(contentsOf: home.path("said"), encoding: .utf8)
        #expect(pull.ending == .exit(0), "\(words)")
        #expect(gcs > 0 && sent == UInt64(weights.count))
        try isExact()
    }

    @Test func `tells nobody its token`() throws {
        for words in [["pull", "org/model"], ["pull", "org/nothing"], ["pull", "org/model@v7", "--json"]] {
            let result = try Tool.run(Tool.cake, words, variables: variables)
            #expect(!(result.output + result.errors).contains("secretsecret"))
        }
        for request in hub.requests {
            #expect(!request.target.contains("secretsecret"))
            #expect(request.place == .hub || request.authorization == nil)
        }
        for file in FileManager.default.subpaths(atPath: home.store.path) ?? [] {
            let bytes = (try? Data(contentsOf: home.store.appending(path: file))) ?? Data()
            #expect(bytes.range(of: Data("secretsecret".utf8)) == nil, "\(file)")
        }
    }

    @Test func `needs no more memory than it should`() throws {
        hub.forgetRequests()
        let pull = try start("pull", "org/model", "-q")
        // The system's own mark of the largest size this program has had, for as long as there is one to be read.
        var largest = 0
        while pull.isRunning {
            let status = (try? String(contentsOfFile: "/proc/\(pull.id)/status", encoding: .utf8)) ?? ""
            let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
            largest = max(largest, line.flatMap { Int($0.filter(\.isNumber)) } ?? 0)
        }
        #expect(largest > 0 && largest < 256 << 10)
        try isExact()
    }
}
