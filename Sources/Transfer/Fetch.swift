internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Brings the missing bytes of remote files into their parts, over as many connections as the server bears. A span that
/// fails goes on where it stopped, on another connection.
struct Fetch: Sendable {
    let files: [RemoteFile]
    let progress: Progress
    let mostConnections: Int
    let pool: BlockingPool
    let throttle: Throttle?

    private static let observation = Duration.milliseconds(500)

    private enum Event: Sendable {
        case ended(RemoteSpan, suffered: Bool)
        case tick
    }

    func callAsFunction() async throws {
        var queue = SpanQueue(files.flatMap(\.gaps))
        guard !queue.isEmpty else { return }
        var connections = ConnectionCount(most: mostConnections)
        let clock = ContinuousClock()
        var (before, beforeBytes) = (clock.now, received.load(ordering: .relaxed))
        try await withThrowingTaskGroup(of: Event.self) { group in
            var active = 0
            func fill() {
                while active < connections.wanted, let span = queue.take(connections: connections.wanted) {
                    group.addTask(executorPreference: pool) { try await bring(span) }
                    active += 1
                }
            }
            func tick() {
                group.addTask {
                    try await Task.sleep(for: Fetch.observation)
                    return .tick
                }
            }
            fill()
            tick()
            while active > 0, let event = try await group.next() {
                switch event {
                case .ended(_, let suffered):
                    active -= 1
                    if suffered { connections.suffer() }
                case .tick:
                    let (now, bytes) = (clock.now, received.load(ordering: .relaxed))
                    let seconds = max((now - before) / .seconds(1), 0.001)
                    connections.observe(bytesPerSecond: Double(bytes - beforeBytes) / seconds)
                    (before, beforeBytes) = (now, bytes)
                    tick()
                }
                fill()
            }
            group.cancelAll()
        }
    }

    private let received = Counter()

    /// Counts for the observation of the rate; a class, since atomics do not move.
    private final class Counter: Sendable {
        private let value = Atomic<UInt64>(0)
        func add(_ count: UInt64) { value.add(count, ordering: .relaxed) }
        func load(ordering: AtomicLoadOrdering) -> UInt64 { value.load(ordering: .relaxed) }
    }

    private func bring(_ span: RemoteSpan) async throws -> Event {
        let file = files[span.file]
        var position = span.bytes.lowerBound
        var tries = 0
        var suffered = false
        while position < span.bytes.upperBound {
            let start = position
            do {
                try await bring(file, span.bytes, from: &position)
            } catch let failure as TransientFailure {
                if position > start { tries = 0 }
                tries += 1
                suffered = true
                guard let wait = failure.wait(afterFailures: tries) else { throw failure.error }
                try await Task.sleep(for: wait)
            }
        }
        return .ended(span, suffered: suffered)
    }

    private func bring(_ file: RemoteFile, _ bytes: Range<UInt64>, from position: inout UInt64) async throws {
        guard case .parts(let parts, let source) = file.bytes else { return }
        let run = try await source.open(position..<bytes.upperBound)
        let part = try parts.part(at: position)
        defer { part.close() }
        while position < bytes.upperBound {
            guard let chunk = try await run.next() else {
                throw TransientFailure(
                    CakeError(.network, "\(file.listed.path): the server ended the answer at byte \(position)"))
            }
            defer { run.giveBack(chunk) }
            // What a server sends beyond the run is not ours.
            let count = Int(min(UInt64(chunk.count), bytes.upperBound - position))
            try chunk.withBytes { bytes throws(CakeError) in try part.append(bytes.extracting(0..<count)) }
            file.arrivals.arrived(position..<position + UInt64(count))
            position += UInt64(count)
            progress.did(bytes: UInt64(count))
            received.add(UInt64(count))
            if let throttle { try await throttle.take(UInt64(count)) }
        }
    }
}

/// Holds all connections together to a rate.
final class Throttle: Sendable {
    private let bytesPerSecond: Double
    private let clock = ContinuousClock()
    /// When all that was taken so far will have been earned.
    private let paid: Mutex<ContinuousClock.Instant>

    init(bytesPerSecond: UInt64) {
        self.bytesPerSecond = Double(max(bytesPerSecond, 1))
        paid = Mutex(ContinuousClock().now)
    }

    func take(_ bytes: UInt64) async throws {
        let cost = Duration.seconds(Double(bytes) / bytesPerSecond)
        let due = paid.withLock { paid in
            paid = max(paid, clock.now) + cost
            return paid
        }
        try await Task.sleep(until: due, clock: clock)
    }
}
