import Model
import Platform
import Synchronization
import Testing

@testable import Transfer

@Suite struct `Units of files that clients wait for` {
    private final class Started: Sendable {
        let units = Mutex<[Int]>([])
        var all: [Int] { units.withLock { $0 } }
        func note(_ unit: Int) -> @Sendable () -> Void { { self.units.withLock { $0.append(unit) } } }
    }

    @Test func `stand back until no client waits for any file, and then go on in their order`() {
        let (readers, started) = (ReadersFirst(), Started())
        readers.begin()
        readers.begin()
        for unit in 0..<3 { readers.hold(10, started.note(unit)) }
        readers.end()
        #expect(started.all == [] && readers.bytesHeld == 30)
        readers.end()
        #expect(started.all == [0, 1, 2] && readers.bytesHeld == 0)
    }

    @Test func `go on at once where no client waits`() {
        let (readers, started) = (ReadersFirst(), Started())
        readers.hold(10, started.note(0))
        #expect(started.all == [0])
        readers.begin()
        readers.end()
        readers.hold(10, started.note(1))
        #expect(started.all == [0, 1])
    }

    @Test func `go on from the oldest when too many bytes stand back`() {
        let (readers, started) = (ReadersFirst(holding: 25), Started())
        readers.begin()
        for unit in 0..<4 { readers.hold(10, started.note(unit)) }
        #expect(started.all == [0, 1] && readers.bytesHeld == 20)
        // Larger than all that may stand back.
        readers.hold(100, started.note(4))
        #expect(started.all == [0, 1, 2, 3, 4] && readers.bytesHeld == 0)
    }

    @Test func `are hashed while they stand back`() async throws {
        let queue = FinishedUnits()
        let units = [0..<10, 10..<30].map { FileHashes.Unit(bytes: UInt64($0.lowerBound)..<UInt64($0.upperBound)) }
        let hashes = FileHashes([(units, true)], from: queue)
        let task = Task { try await hashes.work(of: 0) }
        while hashes.tasksWaiting == 0 { await Task.yield() }
        hashes.arrived(1, of: 0)
        hashes.arrived(0, of: 0)
        guard case .bytes(0..<10) = try await task.value else { return #expect(Bool(false), "it began elsewhere") }
    }
}
