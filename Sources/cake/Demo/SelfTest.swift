import Codec
import Model
import Platform
import Server
import Store
import Transfer

/// cake's own commands, one after the other, against a server of its own on loopback.
struct SelfTest: Sendable {
    struct Step: Sendable {
        let name: String
        let meaning: String
        let time: Duration
    }

    /// Bytes of weights a second, on one thread.
    struct Speeds: Sendable {
        let hash, encode, decode: Double
    }

    struct Outcome: Sendable {
        let steps: [Step]
        let speeds: Speeds
    }

    /// Room for the models, three stores and an export.
    static let roomNeeded = 8 * SmallLlama.selfTest.bytes

    private static let (base, tune) = ("self-test/base", "self-test/tune")
    private static let serverThreads = 4
    private static let drainTime = Duration.seconds(2)

    let folder: String
    let session: Session

    func run() async throws -> Outcome {
        var steps = Steps()
        let size = Quantities.bytes(SmallLlama.selfTest.bytes)
        try await steps.take("make", "a model of \(size) and a fine-tune of it") {
            try await Family(of: .selfTest, in: folder, on: session.pool).makePair()
        }
        try await steps.take("import", "both, the fine-tune as deltas against its base") {
            try await cake("import", folder + "/base", Self.base)
            try await cake("import", folder + "/full-tune", Self.tune, "--base", Self.base)
        }
        let server = try await steps.take("serve", "a store of its own on loopback", start)
        do {
            try await run(against: "\(server.address)", &steps)
            await server.drain(within: Self.drainTime)
        } catch {
            await server.drain(within: .zero)
            throw error
        }
        return Outcome(steps: steps.taken, speeds: try await steps.named("measure", measure))
    }

    private func run(against place: String, _ steps: inout Steps) async throws {
        // The tag that a client of the Hub asks for.
        let repository = "\(place)/\(Self.tune):main"
        try await steps.take("push", "the fine-tune to \(place)") {
            try await cake("push", Self.tune, repository)
        }
        try await steps.take("pull", "from that server, as from a registry and as from a Hub") {
            try await cake("pull", repository, "--as", Self.tune, store: "registry")
            try await cake("pull", Self.tune, store: "hub", hub: "http://\(place)")
        }
        try await steps.take("export", "what was pulled: equal to the first files, bit for bit") {
            for store in ["registry", "hub"] {
                try await cake("export", Self.tune, "-o", "\(folder)/from-\(store)", store: store)
                _ = try FolderComparison(folder + "/full-tune", "\(folder)/from-\(store)")
            }
        }
        try await steps.take("verify", "every layer of the three stores") {
            for store in ["own", "registry", "hub"] { try await cake("verify", store: store) }
        }
    }

    private func start() async throws -> RegistryServer {
        var settings = RegistryServer.Settings()
        settings.address = ListenAddress(host: "127.0.0.1", port: 0)
        settings.allowsPush = true
        let pool = BlockingPool(threads: Self.serverThreads)
        return try RegistryServer(LocalStore(at: folder + "/served", pool: pool), settings, pool: pool)
    }

    /// With none of the person's variables: no proxy, no settings, no tokens.
    private func cake(_ words: String..., store: String = "own", hub: String? = nil) async throws {
        try Task.checkCancellation()
        var variables = ["HOME": folder, "TMPDIR": folder, "CAKE_HOME": "\(folder)/\(store)"]
        variables["HF_ENDPOINT"] = hub
        try await session.run(
            typed: words + ["--quiet", "--json"], with: variables, output: StandardOutput(keeping: ()))
    }

    private func measure() async throws -> Speeds {
        let file = try File(folder + "/base/model.safetensors", .read)
        var benchmark = CodecBenchmark(rounds: 3)
        for entry in try Segmentation.header(of: file, size: file.size()).tensors {
            try Task.checkCancellation()
            let plain = PlainBytes(
                file: file, start: entry.range.lowerBound, count: entry.range.upperBound - entry.range.lowerBound)
            try benchmark.run(plain, entry.tensor.kind, base: nil as PlainBytes?)
        }
        let outcome = benchmark.outcome
        func speed(_ time: Duration) -> Double { Double(outcome.plain) / max(time / .seconds(1), 1e-9) }
        return Speeds(
            hash: speed(outcome.hashing), encode: speed(outcome.checkedEncoding), decode: speed(outcome.decoding))
    }
}

/// What was done, and how long it took.
private struct Steps {
    private(set) var taken: [SelfTest.Step] = []

    mutating func take<Value>(
        _ name: String, _ meaning: String, _ work: () async throws -> Value
    ) async throws -> Value {
        let start = ContinuousClock.now
        let value = try await named(name, work)
        taken.append(SelfTest.Step(name: name, meaning: meaning, time: ContinuousClock.now - start))
        return value
    }

    /// A failure says in which step it happened.
    func named<Value>(_ step: String, _ work: () async throws -> Value) async throws -> Value {
        do {
            return try await work()
        } catch let error as CakeError {
            let fix =
                error.kind == .damaged
                ? "check this machine's memory and disk; if it fails again, report it with what cake version says"
                : error.fix
            throw CakeError(error.kind, "cake self-test failed at \(step): \(error.what)", fix: fix)
        }
    }
}
