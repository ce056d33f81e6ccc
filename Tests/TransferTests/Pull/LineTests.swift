import Hub
import Model
import Platform
import Store
import Support
import Synchronization
import Testing

@testable import Remote
@testable import Transfer

/// A pull on a dead line, by attempts and not by a clock.
@Suite struct `A line that is dead` {
    @Test func `is not waited for when the answer is no`() async throws {
        let pull = try PullLine()
        pull.hub.misbehave(.answer(403, headers: [:]), when: .cdn())
        pull.hub.misbehave(.answer(404, headers: [:]), when: .path(with: "/resolve/"))
        let waits = Mutex(0)
        let found = try await pull.snapshot()
        try await onPool {
            var source = try pull.source()
            source.line = Line(retry: .patient, sleep: { _ in waits.withLock { $0 += 1 } })
            let work = Pull(
                from: source, into: pull.shelf.store, progress: Progress("pull"), options: Pull.Options())
            await #expect(throws: CakeError.self) {
                _ = try await work(found, found.files, as: ModelName(PullLine.name)) { _ in }
            }
        }
        #expect(waits.withLock { $0 } == 0)
    }
}

@Suite struct `The rate of a pull` {
    @Test func `counts what comes down the line, and nothing that was here`() async throws {
        let line = try PullLine(PullLine.large())
        let snapshot = try await line.snapshot()
        line.hub.misbehave(.stall(afterBytes: 3 << 20), when: .cdn())
        let begun = Progress("pull")
        let first = Task {
            try await onPool {
                var options = Pull.Options()
                options.mostConnections = 1
                let pull = Pull(
                    from: try line.source(), into: line.shelf.store, progress: begun, options: options)
                _ = try await pull(snapshot, snapshot.files, as: ModelName(PullLine.name)) { _ in }
            }
        }
        while begun.snapshot.bytesMoved < 2 << 20 { await Task.yield() }
        first.cancel()
        _ = try? await first.value
        line.hub.behave()
        line.hub.forgetRequests()
        let progress = Progress("pull")
        _ = try await onPool {
            try await Pull(
                from: line.source(), into: line.shelf.store, progress: progress, options: Pull.Options())(
                    snapshot, snapshot.files, as: ModelName(PullLine.name)
                ) { _ in }
        }
        let done = progress.snapshot
        #expect(done.bytesDone == snapshot.size)
        #expect(done.bytesSkipped >= 1 << 20)
        // Headers come before the bytes are counted.
        #expect(done.bytesMoved <= line.hub.sent() && done.bytesMoved > 1 << 20)
        let again = Progress("pull")
        _ = try await onPool {
            try await Pull(from: line.source(), into: line.shelf.store, progress: again, options: Pull.Options())(
                snapshot, snapshot.files, as: ModelName(PullLine.name)
            ) { _ in }
        }
        #expect(again.snapshot.bytesDone == snapshot.size && again.snapshot.bytesMoved == 0)
    }
}

@Suite struct `Room for an import` {
    private func opened(_ path: String) throws -> [ImportWork.Opened] {
        let found = try ImportPath(path, name: ModelName("wanted"), followingAllLinks: false)
        return try found.candidates[0].source.files.map { found in
            let file = try File(found.location, .read)
            let segmentation = try Segmentation(of: file, path: found.path, size: found.size, isLenient: false)
            return ImportWork.Opened(found: found, status: try file.status(), segmentation: segmentation)
        }
    }

    @Test func `is refused before a byte is written when not even what is estimated fits`() async throws {
        let scratch = try Scratch()
        let shelf = try Shelf(at: scratch["store"])
        func write(_ name: String, seed: UInt64, _ change: (inout [UInt8]) -> Void = { _ in }) throws {
            var bytes = try ModelMaker.safetensors([.init("a", bytes: 8 << 20, seed: seed, .mixed)])
            change(&bytes)
            _ = try ModelMaker.write(["model.safetensors": bytes], to: scratch[name])
        }
        try write("base", seed: 1)
        try write("same", seed: 1)
        try write("other", seed: 2)
        try write("tune", seed: 1) { bytes in
            for place in stride(from: 4096, to: bytes.count, by: 514) { bytes[place] ^= 1 }
        }
        _ = try await onPool { try await shelf.bring(scratch["base"], as: "base", bases: .none) }
        func fits(_ name: String, in free: UInt64, deltas: Bool = true) throws -> Bool {
            do {
                try ImportRoom(in: shelf.store, usesDeltas: deltas, free: free).refuseIfTooSmall(
                    for: opened(scratch[name]))
                return true
            } catch let error as CakeError {
                #expect(error.kind == .diskFull && error.what.contains("needs about"))
                return false
            }
        }
        try await onPool {
            // What is here needs nothing, a delta little, and what is new the most.
            let table: [(String, UInt64, Bool, Bool)] = [
                ("same", 0, true, true), ("same", 0, false, true), ("tune", 4 << 20, true, true),
                ("tune", 1 << 20, false, false), ("other", 1 << 20, true, false),
                ("other", 9 << 20, true, true), ("other", 0, true, false),
            ]
            for (name, free, deltas, isRight) in table {
                let isFitting = try fits(name, in: free, deltas: deltas)
                #expect(isFitting == isRight, "\(name) in \(free), deltas \(deltas)")
            }
        }
    }
}
