import Model
import Platform
import Store
import Support
import Testing

@testable import Remote
@testable import Transfer

@Suite struct `A file that is being fetched` {
    private struct Nowhere: RangeSource {
        let label = "nowhere"
        let comesWhole = false
        func open(_ range: Range<UInt64>) async throws -> OpenedRun { throw CancellationError() }
    }

    private func file(
        _ scratch: borrowing Scratch, comesWhole: Bool, wanted: [Range<UInt64>] = [0..<300 << 20],
        given: [Range<UInt64>] = []
    ) async throws -> FetchingFile {
        let store = try Shelf(at: scratch["store"]).store
        let parts = try await Parts.take(store, key: SHA256.digest(of: [1].span)) {}
        return FetchingFile(
            .parts(parts, Nowhere()), size: 300 << 20, wanted: RangeSet(wanted), given: RangeSet(given), units: wanted,
            comesWhole: comesWhole
        ) { _ in }
    }

    @Test func `is asked for in one piece where its server ignores ranges, whatever its source has seen`() async throws
    {
        let scratch = try Scratch()
        let spans = try await file(scratch, comesWhole: true).spans(7)
        #expect(spans == [RemoteSpan(file: 7, bytes: 0..<300 << 20, isIndivisible: true)])
        var queue = SpanQueue(spans)
        #expect(queue.take(connections: 8) == spans[0] && queue.isEmpty)
    }

    @Test func `lacks what is wanted and neither given nor here`() async throws {
        let scratch = try Scratch()
        let file = try await file(scratch, comesWhole: false, wanted: [0..<100, 200..<300], given: [50..<250])
        #expect(file.spans(0).map(\.bytes) == [0..<50, 250..<300])
        #expect(file.missing == 100)
    }
}
