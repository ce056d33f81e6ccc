internal import Glibc
internal import Synchronization

/// The connections of a server, and which of them owe a request's head: one that takes too long over it is cut, however
/// busily it sends a byte now and then.
final class ServerClients: Sendable {
    private struct Client {
        let descriptor: Int32
        /// Since when the next head is awaited; nil while a request is at work.
        var awaitedSince: ContinuousClock.Instant?
    }

    private let clients = Mutex<[Int: Client]>([:])
    private let isOver = Atomic(false)
    private let limit: Duration

    init(headSeconds: Int) { limit = .seconds(headSeconds) }

    /// Looks at them now and then, until the server ends.
    func watch() {
        Thread.start {
            while !self.isOver.load(ordering: .acquiring) {
                usleep(250_000)
                self.cutLate(.now)
            }
        }
    }

    func stopWatching() { isOver.store(true, ordering: .releasing) }

    func opened(_ key: Int, _ descriptor: Int32) {
        clients.withLock { $0[key] = Client(descriptor: descriptor, awaitedSince: .now) }
    }

    /// Told before the descriptor is closed, so that none is cut that is somebody else's by then.
    func closed(_ key: Int) { clients.withLock { $0[key] = nil } }

    func awaitsHead(_ key: Int, _ awaits: Bool) { clients.withLock { $0[key]?.awaitedSince = awaits ? .now : nil } }

    private func cutLate(_ now: ContinuousClock.Instant) {
        clients.withLock { clients in
            for client in clients.values {
                if let since = client.awaitedSince, now - since > limit {
                    shutdown(client.descriptor, Int32(SHUT_RDWR))
                }
            }
        }
    }
}
