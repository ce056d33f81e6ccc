import Foundation
import Support
import Testing

@testable import cake

/// Moments of death are calls to the machine, drawn from a seed.
@Suite(.serialized) struct `A store that commands die in` {
    private let home: Home
    /// The number of calls of an import without a fault.
    private let calls: [String: Int]

    init() throws {
        home = try Home()
        try home.makeModel("keeper", seed: 7)
        try home.makeModel("large", tensors: 24, of: 1 << 20)
        try home.makeModel("many", seed: 2, tensors: 40, of: 1 << 18)
        try home.cake("import", home.path("keeper").path)
        var calls: [String: Int] = [:]
        for name in ["large", "many"] {
            calls[name] = try home.calls("import", home.path(name).path)
            try home.cake("rm", name)
            try home.cake("gc")
        }
        self.calls = calls
    }

    private func said() throws -> String { try String(contentsOf: home.path("said"), encoding: .utf8) }

    private func works(_ words: String..., after: String, at place: SourceLocation = #_sourceLocation) throws {
        let result = try Tool.run(Tool.cake, words, variables: ["HOME": home.folder.path])
        #expect(result.status == 0, "\(words) after \(after): \(result.errors)", sourceLocation: place)
    }

    private func exports(_ name: String, after: String, at place: SourceLocation = #_sourceLocation) throws {
        try? FileManager.default.removeItem(at: home.path("back"))
        try works("export", name, "-o", home.path("back").path, "-q", after: after, at: place)
        #expect(home.areEqual(name, "back"), "\(name) after \(after)", sourceLocation: place)
    }

    @Test func `works on after kill -9 of an import, and loses nothing`() throws {
        var random = Randomness(seed: 20)
        var hits = 0
        for round in 1...15 {
            let name = round % 3 == 0 ? "many" : "large"
            // Half of them near the end, where what was written gets its names.
            let share = Double(random.next() % 1000) / 1000
            let all = Double(try #require(calls[name]))
            let call = max(1, Int(all * (round % 2 == 0 ? share : 0.7 + 0.3 * share)))
            let victim = try home.start(
                "import", home.path(name).path, variables: ["CAKE_TEST_SIGNAL": "\(SIGKILL)@\(call)"])
            // One that finds some of it here makes fewer calls.
            if try victim.end() == .signal(SIGKILL) { hits += 1 }
            let after = "a kill of import \(name) at call \(call) (round \(round))"
            try works("ls", after: after)
            try works("verify", after: after)
            try works("gc", after: after)
            #expect(try home.bytesIncoming() == 0, "\(after), and gc")
            if round % 3 == 1 {
                // Layers that were stored and never named are there for the next try, or are removed on request.
                try works("gc", "--grace", "0s", after: after)
            }
            try works("import", home.path(name).path, after: after)
            try exports(name, after: after)
            try exports("keeper", after: after)
            try works("rm", name, after: after)
            try works("gc", after: after)
        }
        #expect(hits > 0)
        try works("rm", "keeper", after: "all rounds")
        try works("gc", "--grace", "0s", after: "all rounds")
        #expect(try home.objects() == [])
    }

    @Test func `ends an import on Ctrl-C, says how to go on, and leaves nothing behind`() throws {
        let middle = try #require(calls["large"]) / 2
        let victim = try home.start(
            "import", home.path("large").path, variables: ["CAKE_TEST_SIGNAL": "\(SIGINT)@\(middle)"])
        // What a shell calls 130.
        #expect(try victim.end() == .signal(SIGINT))
        // In other words where the disk is so slow that keeping what was done takes longer.
        let words = try said()
        #expect(words.hasPrefix("cake: interrupted; cake keeps what "), "\(words)")
        #expect(words.contains("; run the same command to resume"), "\(words)")
        try works("gc", after: "Ctrl-C")
        #expect(try home.bytesIncoming() == 0)
        try works("import", home.path("large").path, after: "Ctrl-C")
        try exports("large", after: "Ctrl-C")
    }

    @Test func `is 130 to the shell that a Ctrl-C of cake came from`() throws {
        // With job control a background job hears Ctrl-C as one in front does.
        let middle = try #require(calls["large"]) / 2
        let line = "set -m; CAKE_TEST_SIGNAL=\(SIGINT)@\(middle) $CAKE import ~/large & wait $!; echo $?"
        let result = try home.shell(line)
        #expect(result.output == "130\n", "\(result.errors)")
    }

    @Test func `keeps what imports bring while gc runs without a pause beside them`() throws {
        for round in 1...3 {
            let after = "gc beside imports (round \(round))"
            let imports = try ["large", "many"].map { try home.start("import", home.path($0).path) }
            var gcs = 0
            while imports.contains(where: \.isRunning) {
                try works("gc", "--grace", "0s", after: after)
                gcs += 1
            }
            #expect(gcs > 0)
            let words = try said()
            for child in imports { #expect(child.ending == .exit(0), "\(words)") }
            try works("verify", after: after)
            for name in ["large", "many", "keeper"] { try exports(name, after: after) }
            for name in ["large", "many"] { try works("rm", name, after: after) }
        }
    }

    @Test func `lets two gcs run at once`() throws {
        for _ in 1...3 {
            try works("import", home.path("many").path, after: "gc")
            try works("rm", "many", after: "import")
            let both = try (0..<2).map { _ in try home.start("gc") }
            for child in both { #expect(try child.end() == .exit(0) || said() == "") }
            try works("verify", after: "two gcs at once")
            try exports("keeper", after: "two gcs at once")
        }
    }
}
