internal import CNetwork
internal import Glibc
internal import Platform
internal import Synchronization

/// Takes the connections of a listener, on a thread of its own, and gives them to a daemon. libmicrohttpd can listen
/// itself, but not stop without a risk: `MHD_quiesce_daemon` and the library's threads may both take the listener out
/// of an epoll set, and the one that comes second ends the process.
final class Acceptor: Sendable {
    private let listener: Int32
    /// While they have no room, connections wait in the kernel.
    private let clients: ServerClients
    private let hand: @Sendable (Int32, ClientAddress) -> Void
    private let isOver = Atomic(false)

    /// While no more can be taken.
    private static let pause: UInt32 = 5000

    private init(
        _ listener: Int32, _ clients: ServerClients, hand: @escaping @Sendable (Int32, ClientAddress) -> Void
    ) {
        self.listener = listener
        self.clients = clients
        self.hand = hand
    }

    /// `hand` owns each connection that it is given. Nil if there can be no thread; then the listener is still the
    /// caller's.
    static func start(
        _ listener: Listener, _ clients: ServerClients, hand: @escaping @Sendable (Int32, ClientAddress) -> Void
    ) -> Acceptor? {
        let acceptor = Acceptor(listener.descriptor, clients, hand: hand)
        return OwnThread.start { acceptor.accept() } ? acceptor : nil
    }

    /// From now on the kernel refuses connections. Called once.
    func stop() {
        // In this order: the thread closes the listener when it sees the flag.
        shutdown(listener, Int32(SHUT_RDWR))
        isOver.store(true, ordering: .releasing)
    }

    private func accept() {
        while !isOver.load(ordering: .acquiring) {
            guard clients.hasRoom else {
                usleep(Acceptor.pause)
                continue
            }
            var address = ClientAddress()
            let connection = address.accept(on: listener)
            if connection >= 0 {
                hand(connection, address)
            } else if errno != EINTR, errno != ECONNABORTED {
                // Too many files are open, or it is about to stop.
                usleep(Acceptor.pause)
            }
        }
        close(listener)
    }
}

/// Where a connection comes from, as the kernel says it.
struct ClientAddress: Sendable {
    private var storage = sockaddr_storage()
    private var length = socklen_t(MemoryLayout<sockaddr_storage>.size)

    /// The next connection, or less than 0.
    mutating func accept(on listener: Int32) -> Int32 {
        unsafe cake_http_accept(listener, &storage, &length)
    }

    func withBytes<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        unsafe withUnsafePointer(to: storage) { storage in
            unsafe storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
