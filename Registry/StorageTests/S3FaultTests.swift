import Model
import Platform
import Support
import Synchronization
import Testing

@testable import Remote
@testable import Storage

/// One request goes wrong: the first, then the second, until none is left.
@Suite struct `A storage behind a bad line` {
    /// Counts requests once the engine's abilities are known.
    private final class Turn: Sendable {
        let left = Mutex<Int?>(nil)

        func comes(to method: String) -> Bool {
            left.withLock { left in
                guard let count = left else { return false }
                left = count == 0 ? nil : count - 1
                return count == 0
            }
        }
    }

    private static let large = [UInt8](repeating: 5, count: (1 << 20) + 7)

    /// All that a storage does, and how each step ended.
    private func day(_ storage: S3Storage) async -> [String] {
        var steps: [String] = []
        func step(_ name: String, _ work: () async throws(CakeError) -> String) async {
            do throws(CakeError) { steps.append("\(name): \(try await work())") } catch {
                steps.append("\(name): \(error.kind)")
            }
        }
        await step("put") { () async throws(CakeError) in
            "\(try await storage.put(StorageBody([1, 2]), at: "d/a", if: .absent))"
        }
        await step("put again") { () async throws(CakeError) in
            "\(try await storage.put(StorageBody([3]), at: "d/a", if: .absent))"
        }
        await step("read") { () async throws(CakeError) in "\(try await bytes(storage, "d/a", 0..<2))" }
        await step("replace") { () async throws(CakeError) in
            guard let there = try await storage.look(at: "d/a") else { return "nothing" }
            return "\(try await storage.put(StorageBody([4, 5, 6]), at: "d/a", if: .unchanged(there.version)))"
        }
        await step("put large") { () async throws(CakeError) in
            "\(try await storage.put(StorageBody(Self.large), at: "d/large", if: .absent))"
        }
        await step("read large") { () async throws(CakeError) in
            "\(try await bytes(storage, "d/large", 1_000_000..<1_048_583).count)"
        }
        await step("mark") { () async throws(CakeError) in
            try await storage.mark(["d/m"])
            return "done"
        }
        await step("names") { () async throws(CakeError) in "\(try await storage.names(in: "d"))" }
        await step("remove") { () async throws(CakeError) in
            guard let there = try await storage.look(at: "d/a") else { return "nothing" }
            return "\(try await storage.remove("d/a", ifUnchanged: there.version))"
        }
        await step("see") { () async throws(CakeError) in "\(try await storage.look(at: "d/a") == nil)" }
        return steps
    }

    private func bytes(_ storage: S3Storage, _ key: String, _ range: Range<UInt64>) async throws(CakeError) -> [UInt8] {
        guard let body = try await storage.read(key)?.body, body.size >= range.upperBound else { return [] }
        return try await body.bytes(range)
    }

    private static let good = [
        "put: true", "put again: false", "read: [1, 2]", "replace: true", "put large: true", "read large: 48583",
        "mark: done", "names: [\"a\", \"large\", \"m\"]", "remove: true", "see: true",
    ]

    /// How the day went for each request that went wrong.
    private func days(_ engine: S3Engine, _ fault: FaultLine.Fault) async throws -> [[String]] {
        var found: [[String]] = []
        for number in 0... {
            let turn = Turn()
            var line: FaultLine?
            try await engine.with(
                largestRequest: 1 << 20,
                between: { target in
                    let new = try FaultLine(to: target, [{ method, _ in turn.comes(to: method) ? fault : nil }])
                    line = new
                    return new.endpoint
                }
            ) { storage, _ in
                _ = try await storage.values.abilities()
                turn.left.withLock { $0 = number }
                found.append(await day(storage))
            }
            if line?.left == 1 {
                #expect(found.last == Self.good)
                break
            }
        }
        #expect(found.count > 12)
        return found
    }

    static let faults: [FaultLine.Fault] = [
        .refused(503, code: "SlowDown"), .refused(500, code: "InternalError"), .lostAnswer, .cut(0), .cut(1),
    ]

    @Test(arguments: S3Engine.there, faults) func `does all of it`(_ engine: S3Engine, _ fault: FaultLine.Fault)
        async throws
    {
        for day in try await days(engine, fault) { #expect(day == Self.good) }
    }

    @Test(arguments: S3Engine.there) func `does each thing once, when a request comes twice`(_ engine: S3Engine)
        async throws
    {
        for day in try await days(engine, .twice) {
            // A value that is gone does not say which request removed it.
            #expect(
                day.filter { $0 != "remove: false" } == Self.good.filter { $0 != "remove: true" } || day == Self.good)
        }
    }

    @Test(arguments: S3Engine.there) func `gives no byte that was changed, where its writer knew the digest`(
        _ engine: S3Engine
    )
        async throws
    {
        for day in try await days(engine, .wrongByte) {
            #expect(day.filter { $0.hasPrefix("read:") } == ["read: [1, 2]"])
        }
    }

    @Test(arguments: S3Engine.there) func `gives no byte of another value, and replaces none, when ETags are wrong`(
        _ engine: S3Engine
    ) async throws {
        for day in try await days(engine, .wrongETag) {
            for step in day where step.hasPrefix("read: [") { #expect(step == "read: [1, 2]") }
            for step in day where step.hasPrefix("read large: ") {
                #expect(["read large: 48583", "read large: notFound"].contains(step))
            }
        }
    }

    @Test func `asks again when nothing comes`() async throws {
        let stand = try S3Stand()
        let line = try FaultLine(to: stand.endpoint, [{ method, _ in method == "GET" ? .silent : nil }])
        try await S3Engine.amazon.with(stallSeconds: 1, between: { _ in line.endpoint }) { storage, _ in
            try await storage.set([1, 2, 3], at: "a")
            #expect(try await storage.whole("a") == [1, 2, 3] && line.left == 0)
        }
        line.end()
    }
}
