internal import CNetwork
internal import Glibc
internal import Platform
internal import Synchronization

/// One connection, and whose turn it is. Written by the thread that serves it, read by the thread that watches.
final class ServerClient: Sendable {
    enum Turn: Int {
        /// The client's: a request's head is awaited.
        case head
        /// The side between which a body moves.
        case body
        case server
    }

    let descriptor: Int32
    /// The address it came from.
    let address: String
    /// Nanoseconds, shifted by two bits that say whose turn it has been since then.
    private let state: Atomic<Int>

    init(_ descriptor: Int32, from address: String) {
        self.descriptor = descriptor
        self.address = address
        state = Atomic(ServerClient.now << 2 | Turn.head.rawValue)
    }

    var turn: (turn: Turn, since: Int) {
        let state = state.load(ordering: .relaxed)
        return (Turn(rawValue: state & 3) ?? .server, state >> 2)
    }

    /// A body that is still moving has moved since its first byte.
    func turns(to turn: Turn) {
        if turn == .body, self.turn.turn == .body { return }
        state.store(ServerClient.now << 2 | turn.rawValue, ordering: .relaxed)
    }

    static var now: Int { Int(cake_http_now()) }
}

/// The connections of a server, and which of them owe a request's head. A client that takes too long over a head is
/// cut, even if it sends a byte now and then; and so is one whose body moves too slowly, in either direction.
final class ServerClients: Sendable {
    private struct Watched {
        /// Nil until the thread that will serve it has begun.
        let client: ServerClient?
        /// The time of the last check while a body moved, and the number of bytes by then.
        var moved: (since: Int, bytes: UInt64, at: Int)?
    }

    /// By descriptor. One that libmicrohttpd dropped before it began is replaced when its number is used again.
    private let clients = Mutex<[Int32: Watched]>([:])
    private let isOver = Atomic(false)
    private let limits: ServerLimits

    init(_ limits: ServerLimits) { self.limits = limits }

    /// Looks at them now and then, until the server ends.
    func watch(_ tick: @escaping @Sendable () -> Void) {
        OwnThread.start {
            while !self.isOver.load(ordering: .acquiring) {
                usleep(250_000)
                self.cutLate(ServerClient.now)
                tick()
            }
        }
    }

    func stopWatching() { isOver.store(true, ordering: .releasing) }

    /// Whether one more connection is within the limit.
    var hasRoom: Bool { clients.withLock { $0.count } < limits.connections }

    func accepted(_ descriptor: Int32) { clients.withLock { $0[descriptor] = Watched(client: nil) } }

    func opened(_ client: ServerClient) { clients.withLock { $0[client.descriptor] = Watched(client: client) } }

    /// Called before the descriptor is closed: a descriptor that was reused is never cut.
    func closed(_ descriptor: Int32) { clients.withLock { $0[descriptor] = nil } }

    private func cutLate(_ now: Int) {
        let second = 1_000_000_000
        clients.withLock { clients in
            for (key, watched) in clients {
                guard let client = watched.client else { continue }
                let (turn, since) = client.turn
                if turn == .head, now - since > limits.headSeconds * second {
                    shutdown(client.descriptor, Int32(SHUT_RDWR))
                }
                guard turn == .body else { continue }
                guard let moved = watched.moved, moved.since == since else {
                    clients[key]?.moved = (since, cake_http_moved(client.descriptor), since)
                    continue
                }
                guard now - moved.at > limits.slowSeconds * second else { continue }
                let bytes = cake_http_moved(client.descriptor)
                if bytes &- moved.bytes < limits.slowBytes { shutdown(client.descriptor, Int32(SHUT_RDWR)) }
                clients[key]?.moved = (since, bytes, now)
            }
        }
    }
}
