internal import Platform
internal import Synchronization

/// The last one takes connections; those before it have some that came under an earlier certificate, and end with them.
final class ServerDaemons: Sendable {
    private struct Running {
        let daemon: ServerDaemon
        /// It had no connection when it was looked at last.
        var wasIdle = false
    }

    private let running: Mutex<[Running]>

    init(_ first: ServerDaemon) { running = Mutex([Running(daemon: first)]) }

    var count: Int { running.withLock { $0.count } }

    /// Takes its place when there is a next.
    func replace(_ next: (ServerDaemon) -> ServerDaemon?) -> Bool {
        running.withLock { running in
            guard let current = running.last?.daemon else { return true }
            guard let next = next(current) else { return false }
            running.append(Running(daemon: next))
            current.stopListening()
            return true
        }
    }

    func stopListening() { running.withLock { $0.last?.daemon }?.stopListening() }

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
