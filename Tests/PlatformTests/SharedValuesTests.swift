import Platform
import Testing

@Suite struct `Shared values` {
    private struct Failure: Error {}

    private let values = SharedValues<Int, Int>()
    private let search = GatedWork()

    private func asking() -> Task<Int, any Error> {
        Task { [values, search] in try await values.value(for: 1) { try await search() } }
    }

    @Test func `are found once for all, and kept until they are not current`() async throws {
        let tasks = (0..<4).map { _ in asking() }
        while values.waiting < 3 { await Task.yield() }
        await search.end(with: .success(7))
        for task in tasks { #expect(try await task.value == 7) }
        #expect(try await asking().value == 7)
        #expect(search.beginnings == 1)
        #expect(try await values.value(for: 1, isCurrent: { $0 != 7 }) { 8 } == 8)
        values.forget(1) { $0 == 7 }
        #expect(try await values.value(for: 1) { 9 } == 8)
        values.forget(1) { $0 == 8 }
        #expect(try await values.value(for: 1) { 9 } == 9)
    }

    @Test func `that cannot be found fail for all that wait, and are looked for again`() async throws {
        let tasks = (0..<3).map { _ in asking() }
        while values.waiting < 2 { await Task.yield() }
        await search.end(with: .failure(Failure()))
        for task in tasks { await #expect(throws: Failure.self) { try await task.value } }
        #expect(search.beginnings == 1)
        #expect(try await values.value(for: 1) { 3 } == 3)
    }

    @Test func `are looked for by the next when the first is cancelled`() async throws {
        let first = asking()
        while search.beginnings == 0 { await Task.yield() }
        let others = (0..<2).map { _ in asking() }
        while values.waiting < 2 { await Task.yield() }
        first.cancel()
        await #expect(throws: CancellationError.self) { try await first.value }
        while search.beginnings < 2 { await Task.yield() }
        await search.end(with: .success(5))
        for other in others { #expect(try await other.value == 5) }
        #expect(search.beginnings == 2)
    }
}
