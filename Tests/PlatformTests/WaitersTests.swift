import Platform
import Synchronization
import Testing

@Suite struct `Tasks that wait` {
    private struct Gone: Error {}

    /// So many tasks that wait for a key, all of them enrolled.
    private static func waiting(_ count: Int, for key: Int, in waiters: Waiters<Int, Int>) async -> [Task<
        Int, any Error
    >] {
        let before = waiters.count
        let tasks = (0..<count).map { _ in Task { try await waiters.wait(for: key) } }
        while waiters.count < before + count { await Task.yield() }
        return tasks
    }

    @Test func `for the same are all told, and no others`() async throws {
        let waiters = Waiters<Int, Int>()
        let same = await Self.waiting(3, for: 1, in: waiters)
        let other = await Self.waiting(1, for: 2, in: waiters)
        waiters.tell(1, .success(10))
        for task in same { #expect(try await task.value == 10) }
        #expect(waiters.count == 1)
        waiters.tellAll(.failure(Gone()))
        await #expect(throws: Gone.self) { try await other[0].value }
    }

    @Test func `do not when it is there already`() async throws {
        #expect(try await Waiters<Int, Int>().wait(for: 1) { .success(5) } == 5)
    }

    @Test func `take turns in order, and one that was cancelled has none`() async throws {
        let waiters = Waiters<Int, Int>()
        let first = await Self.waiting(1, for: 1, in: waiters)[0]
        let cancelled = await Self.waiting(1, for: 1, in: waiters)[0]
        let last = await Self.waiting(1, for: 1, in: waiters)[0]
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        var free = 0
        for turn in 1...3 { waiters.tellFirst(1, .success(turn)) { free += 1 } }
        #expect(try await [first.value, last.value] == [1, 2])
        #expect(free == 1)
    }

    @Test func `end when they were cancelled before`() async throws {
        let waiters = Waiters<Int, Int>()
        let task = Task {
            while !Task.isCancelled { await Task.yield() }
            return try await waiters.wait(for: 1)
        }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }

    @Test func `are told once, whatever comes at the same time`() async throws {
        for _ in 0..<30 {
            let waiters = Waiters<Int, Int>()
            let tasks = await Self.waiting(4, for: 1, in: waiters)
            await withTaskGroup { group in
                for task in tasks.prefix(2) { group.addTask { task.cancel() } }
                group.addTask { waiters.tell(1, .success(1)) }
                group.addTask { waiters.tellAll(.failure(Gone())) }
            }
            for task in tasks { _ = await task.result }
            #expect(waiters.count == 0)
        }
    }

    @Test func `end a debug build when one is told twice or forgotten`() async {
        await #expect(processExitsWith: .failure) {
            let waiter = Waiter<Int> { _ in }
            waiter.tell(.success(1))
            waiter.tell(.success(2))
        }
        await #expect(processExitsWith: .failure) { _ = Waiter<Int> { _ in } }
        await #expect(processExitsWith: .success) { Waiter<Int> { _ in }.tell(.success(1)) }
    }
}
