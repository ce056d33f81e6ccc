import Foundation
import Support
import Testing

@testable import cake

/// A base and two tunes of it, stored so that there is something to optimize.
@Suite(.serialized) struct `A family that is being optimized` {
    private let home: Home
    private let names = ["base", "one", "two"]

    /// How the family was stored.
    enum Start: String, CaseIterable {
        case withoutDeltas
        /// The other tune and the base are deltas of the tune that came first.
        case baseLast
    }

    init() throws {
        home = try Home()
        try home.makeModel("base", tensors: 6, of: 1 << 20)
        let base = try Data(contentsOf: home.path("base/model.safetensors"))
        try home.makeModel("tiny", seed: 3, tensors: 20, of: 1 << 13)
        let tiny = try Data(contentsOf: home.path("tiny/model.safetensors"))
        for (number, name) in names.enumerated() {
            let folder = home.path(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (file, bytes) in [("model.safetensors", base), ("tiny.safetensors", tiny)] {
                try Self.tuned(bytes, number).write(to: folder.appending(path: file))
            }
        }
        for start in Start.allCases {
            for name in start == .baseLast ? names.reversed() : names {
                let delta = start == .baseLast ? [] : ["--no-delta"]
                try home.cake(["import", home.path(name).path] + delta)
            }
            try FileManager.default.moveItem(at: home.store, to: home.path(start.rawValue))
        }
    }

    /// A third of the elements have another last bit, others in each tune.
    private static func tuned(_ file: Data, _ number: Int) -> Data {
        var bytes = Array(file)
        let header = 8 + (0..<8).reduce(0) { $0 | Int(bytes[$1]) << (8 * $1) }
        guard number > 0 else { return file }
        var random = Randomness(seed: UInt64(number))
        for place in stride(from: header, to: bytes.count - 1, by: 2) where random.next() % 3 == 0 { bytes[place] ^= 1 }
        return Data(bytes)
    }

    /// The store as it was before any optimize.
    private func renew(_ start: Start = .withoutDeltas) throws {
        try? FileManager.default.removeItem(at: home.store)
        try FileManager.default.copyItem(at: home.path(start.rawValue), to: home.store)
    }

    private func works(_ words: String..., after: String, at place: SourceLocation = #_sourceLocation) throws {
        let result = try Tool.run(Tool.cake, words, variables: ["HOME": home.folder.path])
        #expect(result.status == 0, "\(words) after \(after): \(result.errors)", sourceLocation: place)
    }

    private func isWhole(after: String, at place: SourceLocation = #_sourceLocation) throws {
        try works("verify", after: after, at: place)
        for name in names {
            try? FileManager.default.removeItem(at: home.path("back"))
            try works("export", name, "-o", home.path("back").path, "-q", after: after, at: place)
            #expect(home.areEqual(name, "back"), "\(name) after \(after)", sourceLocation: place)
        }
    }

    private func size() throws -> Int {
        try home.objects().reduce(0) { $0 + (try $1.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0) }
    }

    @Test(arguments: Start.allCases)
    func `is whole after kill -9 at any moment, and is optimized by the next try`(start: Start) throws {
        try renew(start)
        let before = try size()
        let all = Double(try home.calls("optimize"))
        let after = try size()
        #expect(start == .withoutDeltas ? after < before * 2 / 3 : after < before)
        try isWhole(after: "a whole optimize")
        var random = Randomness(seed: 41)
        var hits = 0
        for round in 1...5 {
            try renew(start)
            let share = Double(random.next() % 1000) / 1000
            let call = max(1, Int(all * (round % 2 == 0 ? share : 0.5 + 0.5 * share)))
            let victim = try home.start("optimize", variables: ["CAKE_TEST_SIGNAL": "\(SIGKILL)@\(call)"])
            if try victim.end() == .signal(SIGKILL) { hits += 1 }
            let what = "a kill of optimize at call \(call) (round \(round))"
            try isWhole(after: what)
            try works("gc", after: what)
            #expect(try home.bytesIncoming() == 0, "\(what), and gc")
            try works("optimize", after: what)
            try works("gc", "--grace", "0s", after: what)
            let most = start == .withoutDeltas ? after + after / 10 : after + after / 100
            #expect(try size() <= most, "\(what)")
            try isWhole(after: what + " and an optimize")
        }
        #expect(hits > 0)
    }

    @Test func `loses nothing to two of them, to gc without a pause and to imports beside them`() throws {
        try renew()
        for round in 1...2 {
            let what = "two of optimize, gc and import (round \(round))"
            var beside = try [home.start("optimize"), home.start("optimize")]
            let name = names[round]
            try works("rm", name, after: what)
            beside.append(try home.start("import", home.path(name).path))
            var gcs = 0
            while beside.contains(where: \.isRunning) {
                try works("gc", "--grace", "0s", after: what)
                gcs += 1
            }
            #expect(gcs > 0)
            let words = try String(contentsOf: home.path("said"), encoding: .utf8)
            for child in beside { #expect(child.ending == .exit(0), "\(what): \(words)") }
            try isWhole(after: what)
        }
    }
}
