import Model
import Platform
import Support
import Synchronization
import Testing

@Suite struct `Pieces made at once` {
    private let pool = BlockingPool(threads: 3)

    /// How many were made and not taken, and the most there ever were.
    final class Tally: Sendable {
        private let state = Mutex((now: 0, most: 0))

        func made() {
            state.withLock {
                $0.now += 1
                $0.most = max($0.most, $0.now)
            }
        }
        func taken() { state.withLock { $0.now -= 1 } }
        var most: Int { state.withLock { $0.most } }
    }

    @Test(arguments: [0, 1, 2, 7, 60], [1, 2, 5, 300]) func `are taken in order, and few wait`(count: Int, atOnce: Int)
        async throws
    {
        let tally = Tally()
        var taken: [Int] = []
        try await inOrder(count, atOnce: atOnce, on: pool) { index in
            tally.made()
            // Later pieces are ready first, now and then.
            if index % 3 == 0 { for _ in 0..<3 { await Task.yield() } }
            return index * 10
        } take: { index, piece in
            #expect(piece == index * 10)
            tally.taken()
            taken.append(index)
        }
        #expect(taken == Array(0..<count))
        #expect(tally.most <= max(atOnce, 1))
    }

    @Test(arguments: [0, 3, 19]) func `end with the first that cannot be made`(bad: Int) async throws {
        var taken: [Int] = []
        let failure = await #expect(throws: CakeError.self) {
            try await inOrder(20, atOnce: 4, on: pool) { index in
                if index == bad { throw CakeError(.diskFull, "piece \(index)") }
                return index
            } take: { index, _ in
                taken.append(index)
            }
        }
        #expect(failure?.what == "piece \(bad)")
        #expect(taken.count <= bad && taken == Array(0..<taken.count))
    }

    @Test(arguments: [0, 3, 19]) func `end with the first that cannot be taken`(bad: Int) async throws {
        let failure = await #expect(throws: CakeError.self) {
            try await inOrder(20, atOnce: 4, on: pool) {
                $0
            } take: { index, _ in
                if index == bad { throw CakeError(.diskFull, "taking \(index)") }
                #expect(index < bad)
            }
        }
        #expect(failure?.what == "taking \(bad)")
    }
}

@Suite struct `Work done side by side` {
    private let pool = BlockingPool(threads: 3)

    @Test(arguments: [0, 1, 2, 60], [1, 2, 300]) func `comes to the same in order`(count: Int, atOnce: Int) async throws
    {
        let made = try await sideBySide(count, atOnce: atOnce, on: pool) { index in
            if index % 3 == 0 { for _ in 0..<3 { await Task.yield() } }
            return index * 10
        }
        #expect(made == (0..<count).map { $0 * 10 })
    }

    @Test func `does not wait for the first before the others go on`() async throws {
        let tally = Mutex(0)
        let made = try await sideBySide(20, atOnce: 2, on: pool) { index in
            // The first ends when all others have.
            while index == 0, tally.withLock({ $0 }) < 19 { await Task.yield() }
            tally.withLock { $0 += 1 }
            return index
        }
        #expect(made == Array(0..<20))
    }

    @Test(arguments: [0, 3, 19]) func `ends with what cannot be done`(bad: Int) async throws {
        let failure = await #expect(throws: CakeError.self) {
            _ = try await sideBySide(20, atOnce: 4, on: pool) { index in
                if index == bad { throw CakeError(.diskFull, "piece \(index)") }
                return index
            }
        }
        #expect(failure?.what == "piece \(bad)")
    }
}

@Suite struct `A pool of threads that may wait` {
    @Test func `runs every task given to it, and lets them await each other`() async throws {
        let pool = BlockingPool(threads: 2)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for index in 0..<500 {
                group.addTask(executorPreference: pool) {
                    await Task.yield()
                    return index
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(sum == 500 * 499 / 2)
    }

    @Test func `has as many tasks waiting at once as it has threads`() async throws {
        let pool = BlockingPool(threads: 3)
        let scratch = try Scratch()
        // Two wait in the kernel for a lock that the third lets go: on fewer threads it would never come to run.
        let held = try File(scratch["lock"], .readWriteOrCreate)
        _ = try held.lock(exclusive: true, waiting: true)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 {
                group.addTask(executorPreference: pool) {
                    let mine = try File(scratch["lock"], .readWriteOrCreate)
                    _ = try mine.lock(exclusive: true, waiting: true)
                }
            }
            group.addTask(executorPreference: pool) { held.unlock() }
            try await group.waitForAll()
        }
    }
}
