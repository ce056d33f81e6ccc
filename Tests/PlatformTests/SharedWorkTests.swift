import Platform
import Testing

@Suite struct `Shared work` {
    private struct Late: Error {}

    private static let pool = BlockingPool(threads: 2)

    @Test func `is done once for all, and goes on when the first leaves`() async throws {
        let shared = SharedWork<Int, Int>("test", on: Self.pool)
        let work = GatedWork()
        let first = Task { try await shared.value(for: 1) { try await work() } }
        while work.beginnings == 0 { await Task.yield() }
        let others = (0..<3).map { _ in Task { try await shared.value(for: 1) { try await work() } } }
        while shared.waiting < 4 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        await work.end(with: .success(7))
        for other in others { #expect(try await other.value == 7) }
        #expect(work.beginnings == 1)
        #expect(shared.waiting == 0)
    }

    @Test func `goes on behind one that waited for too long`() async throws {
        let shared = SharedWork<Int, Int>("test", on: Self.pool)
        let work = GatedWork()
        await #expect(throws: Late.self) {
            try await shared.value(for: 1, within: .zero, orElse: Late()) { try await work() }
        }
        let second = Task { try await shared.value(for: 1) { try await work() } }
        while shared.waiting == 0 { await Task.yield() }
        await work.end(with: .success(3))
        #expect(try await second.value == 3)
        #expect(work.beginnings == 1)
    }
}

@Suite struct `Background work` {
    private static let pool = BlockingPool(threads: 2)

    @Test func `goes on when the task that started it has ended, and its owner waits for all of it`() async throws {
        let background = BackgroundWork("test", on: Self.pool)
        let works = [GatedWork(), GatedWork()]
        let starter = Task {
            for work in works { background.start { _ = try? await work() } }
        }
        starter.cancel()
        await starter.value
        let settled = Task {
            await background.settle()
            return works.map(\.beginnings)
        }
        for work in works { while work.beginnings == 0 { await Task.yield() } }
        for work in works { await work.end(with: .success(1)) }
        #expect(await settled.value == [1, 1])
    }

    @Test func `ends when its owner cancels it`() async throws {
        let background = BackgroundWork("test", on: Self.pool)
        let sawEnd = SharedValues<Int, Bool>()
        background.start {
            _ = try? await sawEnd.value(for: 1) {
                do {
                    try await Task.sleep(for: .seconds(3600))
                    return false
                } catch {
                    return true
                }
            }
        }
        await background.cancel()
        #expect(try await sawEnd.value(for: 1) { false })
    }
}
