internal import Glibc
internal import Synchronization

/// The last one accepts connections. Earlier ones have connections under an older certificate, and end with them.
final class ServerDaemons: Sendable {
    private struct Running {
        let daemon: ServerDaemon
        /// It had no connection at the last check.
        var wasIdle = false
    }

    private let running: Mutex<[Running]>

    init(_ first: ServerDaemon) { running = Mutex([Running(daemon: first)]) }

    var count: Int { running.withLock { $0.count } }

    /// Takes its place when there is a next.
    func replace(_ next: () -> ServerDaemon?) -> Bool {
        running.withLock { running in
            if running.isEmpty { return true }
            guard let next = next() else { return false }
            running.append(Running(daemon: next))
            return true
        }
    }

    /// Gives a connection to the last one. When none is left, the connection is closed.
    func take(_ connection: Int32, from address: ClientAddress) {
        running.withLock { running in
            if let last = running.last { last.daemon.take(connection, from: address) } else { close(connection) }
        }
    }

    /// Ends daemons without connections. It must be seen twice, because a connection that was just accepted counts a
    /// little later.
    func endIdle() {
        let ended = running.withLock { running in
            var ended: [ServerDaemon] = []
            for index in running.indices.dropLast() {
                let isIdle = running[index].daemon.connections == 0
                if isIdle, running[index].wasIdle { ended.append(running[index].daemon) }
                running[index].wasIdle = isIdle
            }
            running.removeAll { one in ended.contains { $0 === one.daemon } }
            return ended
        }
        // Its threads are waited for here, and not while others wait for the lock.
        withExtendedLifetime(ended) {}
    }

    func endAll() { running.withLock { $0 = [] } }
}
