internal import CShims
internal import Glibc
internal import Synchronization

/// The connections of a server, and which of them owe a request's head: one that takes too long over it is cut, however
/// busily it sends a byte now and then; and so is one whose body moves too slowly, in or out.
final class ServerClients: Sendable {
    private struct Client {
        let descriptor: Int32
        /// Since when the next head is awaited; nil while a request is at work.
        var awaitedSince: ContinuousClock.Instant?
        /// When it was looked at last while a body moved, and how many bytes had by then, which is asked when it has lasted;
        /// nil while it waits for the server.
        var moved: (bytes: UInt64?, at: ContinuousClock.Instant)?
    }

    private let clients = Mutex<[Int: Client]>([:])
    private let isOver = Atomic(false)
    private let limits: ServerLimits

    init(_ limits: ServerLimits) { self.limits = limits }

    /// Looks at them now and then, until the server ends.
    func watch(_ tick: @escaping @Sendable () -> Void) {
        Thread.start {
            while !self.isOver.load(ordering: .acquiring) {
                usleep(250_000)
                self.cutLate(.now)
                tick()
            }
        }
    }

    func stopWatching() { isOver.store(true, ordering: .releasing) }

    func opened(_ key: Int, _ descriptor: Int32) {
        clients.withLock { $0[key] = Client(descriptor: descriptor, awaitedSince: .now) }
    }

    /// Told before the descriptor is closed, so that none is cut that is somebody else's by then.
    func closed(_ key: Int) { clients.withLock { $0[key] = nil } }

    func awaitsHead(_ key: Int) {
        clients.withLock { clients in
            clients[key]?.awaitedSince = .now
            clients[key]?.moved = nil
        }
    }

    /// A body is to move between it and the server, until `waits`.
    func moves(_ key: Int) {
        clients.withLock { clients in
            clients[key]?.awaitedSince = nil
            if clients[key]?.moved == nil { clients[key]?.moved = (nil, .now) }
        }
    }

    /// It is the server's turn.
    func waits(_ key: Int) {
        clients.withLock { clients in
            clients[key]?.awaitedSince = nil
            clients[key]?.moved = nil
        }
    }

    private func cutLate(_ now: ContinuousClock.Instant) {
        clients.withLock { clients in
            for (key, client) in clients {
                if let since = client.awaitedSince, now - since > .seconds(limits.headSeconds) {
                    shutdown(client.descriptor, Int32(SHUT_RDWR))
                }
                guard let moved = client.moved else { continue }
                guard let before = moved.bytes else {
                    clients[key]?.moved?.bytes = cake_http_moved(client.descriptor)
                    continue
                }
                guard now - moved.at > .seconds(limits.slowSeconds) else { continue }
                let bytes = cake_http_moved(client.descriptor)
                if bytes &- before < limits.slowBytes { shutdown(client.descriptor, Int32(SHUT_RDWR)) }
                clients[key]?.moved = (bytes, now)
            }
        }
    }
}
