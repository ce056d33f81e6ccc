internal import CShims
internal import Glibc
internal import Synchronization

/// A port of 127.0.0.1 with a listener; each connection has a thread.
final class Origin: Sendable {
    private struct State {
        /// Bound for as long as the origin lives: a released port might belong to another program later.
        var listening: Int32
        var isAccepting = true
        var connections: [Int: Int32] = [:]
        var threads = 0
        /// How many more are taken before the port is closed.
        var left: Int?
    }

    let port: UInt16
    private let sendBuffer: Int32?
    private let state: Mutex<State>
    private let numbers: Numbers
    private let serve: @Sendable (Connection) -> Void

    init(
        port: UInt16, sendBuffer: Int32?, numbers: Numbers, serve: @escaping @Sendable (Connection) -> Void
    ) throws(HubError) {
        let bound = try Origin.listen(port)
        self.port = bound.port
        self.sendBuffer = sendBuffer
        self.numbers = numbers
        self.serve = serve
        state = Mutex(State(listening: bound.descriptor))
        acceptAll(bound.descriptor)
    }

    /// From now on so many connections are taken, and then the port is closed: the next client is refused.
    func refuse(after count: Int) {
        state.withLock { state in
            state.left = count
            if count <= 0, state.isAccepting { shutdown(state.listening, Int32(SHUT_RDWR)) }
        }
        if count <= 0 { waitUntilClosed() }
    }

    /// Listens again at the same port.
    func acceptAgain() throws(HubError) {
        refuse(after: 0)
        let descriptor = state.withLock { state in
            state.left = nil
            state.isAccepting = Glibc.listen(state.listening, 1024) == 0
            return state.isAccepting ? state.listening : nil
        }
        guard let descriptor else { throw HubError("cannot listen at port \(port) again: error \(errno)") }
        acceptAll(descriptor)
    }

    func stop(waiting: Bool) {
        refuse(after: 0)
        state.withLock { state in
            if state.listening >= 0 { close(state.listening) }
            state.listening = -1
            for descriptor in state.connections.values { shutdown(descriptor, Int32(SHUT_RDWR)) }
        }
        while waiting, state.withLock({ $0.threads > 0 }) { sched_yield() }
    }

    private func waitUntilClosed() {
        while state.withLock({ $0.isAccepting }) { sched_yield() }
    }

    private func acceptAll(_ listening: Int32) {
        onThread { [self] in
            while true {
                let descriptor = cake_accept(listening)
                if descriptor < 0 {
                    if errno == EINTR || errno == ECONNABORTED { continue }
                    break
                }
                var isLast = false
                let isTaken = state.withLock { state in
                    if let left = state.left {
                        guard left > 0 else { return false }
                        state.left = left - 1
                        isLast = left == 1
                    }
                    return true
                }
                guard isTaken else {
                    close(descriptor)
                    break
                }
                if isLast { shutdown(listening, Int32(SHUT_RDWR)) }
                begin(descriptor)
            }
            state.withLock { $0.isAccepting = false }
        }
    }

    private func begin(_ descriptor: Int32) {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        if let sendBuffer { setOption(descriptor, SOL_SOCKET, SO_SNDBUF, sendBuffer) }
        let number = numbers.next()
        state.withLock { state in
            state.connections[number] = descriptor
            state.threads += 1
        }
        onThread { [self] in
            serve(Connection(descriptor, number: number))
            state.withLock { state in
                state.connections[number] = nil
                close(descriptor)
                state.threads -= 1
            }
        }
    }

    /// A port that the kernel chose is released with its listener, a requested one is not: therefore the chosen port is
    /// requested again.
    private static func listen(_ port: UInt16) throws(HubError) -> (descriptor: Int32, port: UInt16) {
        let (descriptor, found) = try bound(to: port)
        guard port == 0 else {
            guard Glibc.listen(descriptor, 1024) == 0 else { throw HubError("cannot listen: error \(errno)") }
            return (descriptor, found)
        }
        defer { close(descriptor) }
        return try listen(found)
    }

    private static func bound(to port: UInt16) throws(HubError) -> (descriptor: Int32, port: UInt16) {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw HubError("no socket: error \(errno)") }
        setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                unsafe bind(descriptor, pointer, size) == 0 && getsockname(descriptor, pointer, &size) == 0
            }
        }
        guard isBound else {
            let number = errno
            close(descriptor)
            throw HubError("cannot have port \(port): error \(number)")
        }
        return (descriptor, UInt16(bigEndian: address.sin_port))
    }
}

/// Numbers for connections, from 1 on.
final class Numbers: Sendable {
    private let last = Atomic<Int>(0)
    func next() -> Int { last.add(1, ordering: .relaxed).newValue }
}

func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
    var value = value
    unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
}

/// Runs a body on a thread of its own, which may wait as long as it likes.
func onThread(_ body: @escaping @Sendable () -> Void) {
    final class Box: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }
    var thread = pthread_t()
    let context = unsafe Unmanaged.passRetained(Box(body)).toOpaque()
    let status = unsafe pthread_create(
        &thread, nil,
        { context in
            guard let context = unsafe context else { return nil }
            unsafe Unmanaged<Box>.fromOpaque(context).takeRetainedValue().body()
            return nil
        }, context)
    precondition(status == 0, "no more threads")
    pthread_detach(thread)
}
