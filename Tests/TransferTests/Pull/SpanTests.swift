import Model
import Support
import Synchronization
import Testing

@testable import Transfer

@Suite struct `Spans of what is to be fetched` {
    @Test(arguments: 0..<40) func `cover every byte once, in order`(seed: UInt64) {
        var random = SeededNumbers(seed: seed)
        var runs: [RemoteSpan] = []
        for file in 0..<Int.random(in: 1...4, using: &random) {
            var position: UInt64 = 0
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                position += UInt64.random(in: 0...1000, using: &random)
                let end = position + UInt64.random(in: 1...300 << 20, using: &random)
                runs.append(RemoteSpan(file: file, bytes: position..<end, isIndivisible: Bool.random(using: &random)))
                position = end + 1
            }
        }
        var queue = SpanQueue(runs)
        let total = queue.bytesLeft
        var taken: [RemoteSpan] = []
        var givenBack = 0
        while let span = queue.take(connections: Int.random(in: 1...32, using: &random)) {
            if givenBack < 20, span.bytes.count > 1, Int.random(in: 0..<5, using: &random) == 0 {
                // A connection that fell half way.
                let middle = span.bytes.lowerBound + UInt64(span.bytes.count) / 2
                taken.append(RemoteSpan(file: span.file, bytes: span.bytes.lowerBound..<middle))
                queue.giveBack(RemoteSpan(file: span.file, bytes: middle..<span.bytes.upperBound))
                givenBack += 1
            } else {
                taken.append(span)
            }
        }
        #expect(queue.isEmpty && queue.bytesLeft == 0)
        #expect(taken.reduce(0) { $0 + UInt64($1.bytes.count) } == total)
        var joined: [RemoteSpan] = []
        for span in taken {
            if let last = joined.last, last.file == span.file, last.bytes.upperBound == span.bytes.lowerBound {
                joined[joined.count - 1] = RemoteSpan(
                    file: last.file, bytes: last.bytes.lowerBound..<span.bytes.upperBound)
            } else {
                joined.append(RemoteSpan(file: span.file, bytes: span.bytes))
            }
        }
        #expect(joined == runs.map { RemoteSpan(file: $0.file, bytes: $0.bytes) })
    }

    @Test func `get shorter toward the end, never longer or shorter than is worth it`() {
        var queue = SpanQueue([RemoteSpan(file: 0, bytes: 0..<4 << 30)])
        var before = UInt64.max
        while let span = queue.take(connections: 8) {
            let count = UInt64(span.bytes.count)
            #expect(count <= SpanQueue.longest)
            #expect(count >= SpanQueue.shortest / 2)
            #expect(count <= before || queue.isEmpty)
            before = count
        }
        #expect(before <= SpanQueue.shortest * 3 / 2)
    }

    @Test func `that a server cannot cut stay whole`() {
        let run = RemoteSpan(file: 3, bytes: 5..<9 << 30, isIndivisible: true)
        var queue = SpanQueue([run])
        #expect(queue.take(connections: 8) == run)
        #expect(queue.take(connections: 8) == nil)
    }

    @Test func `that come back are the next`() {
        var queue = SpanQueue([RemoteSpan(file: 0, bytes: 0..<100 << 20)])
        let first = queue.take(connections: 4)!
        queue.giveBack(first)
        #expect(queue.take(connections: 4)?.bytes.lowerBound == 0)
        let left = queue.bytesLeft
        queue.giveBack(RemoteSpan(file: 0, bytes: 7..<7))
        #expect(queue.bytesLeft == left)
    }
}

@Suite struct `The number of connections` {
    @Test func `is gone on with where somebody waits`() {
        var queue = SpanQueue([RemoteSpan(file: 0, bytes: 0..<10 << 20), RemoteSpan(file: 1, bytes: 0..<10 << 20)])
        queue.bringForward(5 << 20, of: 1)
        let first = queue.take(connections: 100)
        #expect(first?.file == 1 && first?.bytes.lowerBound == 5 << 20)
        var rest: [RemoteSpan] = []
        while let span = queue.take(connections: 100) { rest.append(span) }
        #expect(queue.bytesLeft == 0)
        let all = (rest + [first].compactMap(\.self)).sorted {
            ($0.file, $0.bytes.lowerBound) < ($1.file, $1.bytes.lowerBound)
        }
        for file in 0..<2 {
            var end: UInt64 = 0
            for span in all where span.file == file {
                #expect(span.bytes.lowerBound == end)
                end = span.bytes.upperBound
            }
            #expect(end == 10 << 20)
        }
        queue.bringForward(1, of: 0)
        #expect(queue.isEmpty)
    }

    @Test func `grows while that brings more, and stops when it does not`() {
        var count = ConnectionCount(most: 32)
        #expect(count.wanted == 8)
        var rate = 1.0
        for _ in 0..<20 {
            count.observe(bytesPerSecond: rate)
            rate *= 1.2
        }
        #expect(count.wanted == 32)
        var other = ConnectionCount(most: 32)
        for _ in 0..<20 { other.observe(bytesPerSecond: 1000) }
        #expect((8..<16).contains(other.wanted))
    }

    @Test func `never exceeds what is allowed, nor falls below one`() {
        var count = ConnectionCount(most: 3)
        #expect(count.wanted == 3)
        for step in 1..<20 { count.observe(bytesPerSecond: Double(step) * 100) }
        #expect(count.wanted == 3)
        for _ in 0..<10 {
            count.suffer()
            for _ in 0..<ConnectionCount.rest { count.observe(bytesPerSecond: 0) }
        }
        #expect(count.wanted == 1)
        #expect(ConnectionCount(most: 0).wanted == 1)
    }

    @Test func `is halved once for connections that fall together`() {
        var count = ConnectionCount(most: 32)
        for _ in 0..<8 { count.suffer() }
        #expect(count.wanted == 4)
    }

    @Test func `grows again some time after a complaint`() {
        var count = ConnectionCount(most: 32)
        count.suffer()
        for _ in 0..<ConnectionCount.rest { count.observe(bytesPerSecond: 1000) }
        #expect(count.wanted == 4)
        for step in 1...10 { count.observe(bytesPerSecond: 1000 * Double(step)) }
        #expect(count.wanted > 8)
    }
}

@Suite struct `Arriving bytes` {
    private static func units(_ counts: [UInt64]) -> [Range<UInt64>] {
        var start: UInt64 = 0
        return counts.map { count in
            defer { start += count }
            return start..<start + count
        }
    }

    private final class Heard: Sendable {
        let units = Mutex<[Int]>([])
        func note(_ unit: Int) { units.withLock { $0.append(unit) } }
        var sorted: [Int] { units.withLock { $0.sorted() } }
    }

    @Test(arguments: 0..<40) func `make each unit whole once, in any order`(seed: UInt64) {
        var random = SeededNumbers(seed: seed)
        let counts = (0..<20).map { _ in UInt64.random(in: 0...50, using: &random) }
        let total = counts.reduce(0, +)
        var pieces: [Range<UInt64>] = []
        var position: UInt64 = 0
        while position < total {
            let end = min(total, position + UInt64.random(in: 1...90, using: &random))
            pieces.append(position..<end)
            position = end
        }
        pieces.shuffle(using: &random)
        let heard = Heard()
        let here = pieces.prefix(pieces.count / 3)
        let arrivals = Arrivals(Self.units(counts), having: RangeSet(here), onWhole: heard.note)
        for piece in pieces.dropFirst(here.count) { arrivals.arrived(piece) }
        #expect(heard.sorted == Array(counts.indices), "seed \(seed)")
    }

    @Test func `wake those who wait for a unit, and no others`() async throws {
        let arrivals = Arrivals(Self.units([10, 0, 10]), having: RangeSet(0..<10), onWhole: { _ in })
        try await arrivals.wait(for: 0)
        try await arrivals.wait(for: 1)
        async let last: Void = arrivals.wait(for: 2)
        arrivals.arrived(10..<15)
        arrivals.arrived(15..<20)
        try await last
    }

    @Test func `that will not come end the wait with the reason`() async throws {
        let arrivals = Arrivals(Self.units([10, 10]), having: RangeSet(0..<10), onWhole: { _ in })
        let waiting = Task { try await arrivals.wait(for: 1) }
        arrivals.giveUp(CakeError(.network, "gone"))
        await #expect(throws: CakeError.self) { try await waiting.value }
        await #expect(throws: CakeError.self) { try await arrivals.wait(for: 1) }
        // What is here is here.
        try await arrivals.wait(for: 0)
    }

    @Test func `are not waited for by a task that is cancelled`() async throws {
        let arrivals = Arrivals(Self.units([10]), onWhole: { _ in })
        let task = Task { try await arrivals.wait(for: 0) }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
    }
}
