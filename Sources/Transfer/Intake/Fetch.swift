internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// Downloads the missing bytes of remote files into their parts, over as many connections as the server takes. A failed
/// span continues where it stopped, on another connection.
struct Fetch: Sendable {
    let files: [FetchingFile]
    let progress: Progress
    let mostConnections: Int
    let pool: BlockingPool
    let throttle: Throttle?

    init(
        _ files: [FetchingFile], connections: Int, bytesPerSecond: UInt64?, pool: BlockingPool,
        telling progress: Progress
    ) {
        (self.files, self.progress, self.pool, mostConnections) = (files, progress, pool, connections)
        throttle = bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
    }

    private static let observation = Duration.milliseconds(500)
    private static let longestRead: UInt64 = 16 << 20

    private enum Event: Sendable {
        case ended(RemoteSpan, suffered: Bool)
        case tick
    }

    func callAsFunction() async throws {
        // A running span is not interrupted for a waiting client.
        let isRead = files.contains { $0.reading != nil }
        let spans = files.enumerated().flatMap { number, file in file.spans(number) }
        var queue = SpanQueue(spans, longest: isRead ? Fetch.longestRead : SpanQueue.longest)
        guard !queue.isEmpty else { return }
        var connections = ConnectionCount(most: mostConnections)
        let clock = ContinuousClock()
        var (before, beforeBytes) = (clock.now, received.load(ordering: .relaxed))
        try await withThrowingTaskGroup(of: Event.self) { group in
            var active = 0
            func fill() {
                for (number, file) in files.enumerated() {
                    for position in file.reading?.takeWishes() ?? [] { queue.bringForward(position, of: number) }
                }
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
        guard case .parts(let parts, let source) = file.bytes else { return .ended(span, suffered: false) }
        let suffered = try await source.bring(span.bytes, into: parts, at: span.bytes.lowerBound) { bytes in
            file.arrived(bytes)
            progress.did(bytes: UInt64(bytes.count))
            received.add(UInt64(bytes.count))
            if let throttle { try await throttle.take(UInt64(bytes.count)) }
        }
        return .ended(span, suffered: suffered)
    }
}
