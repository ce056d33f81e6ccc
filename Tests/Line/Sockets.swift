internal import Glibc

/// Seconds of the clock that never goes back; Python's `time.monotonic` reads the same one.
func seconds() -> Double {
    var now = timespec()
    unsafe clock_gettime(CLOCK_MONOTONIC, &now)
    return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
}

func setOption(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) {
    var value = value
    unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
}

private func withAddress<Result>(_ port: UInt16, _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Result)
    -> (Result, UInt16)
{
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = port.bigEndian
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var size = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, &size) }
    }
    return (result, UInt16(bigEndian: address.sin_port))
}

private func newSocket() -> Int32 { socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0) }

func listening(_ port: UInt16) -> (descriptor: Int32, port: UInt16)? {
    let descriptor = newSocket()
    setOption(descriptor, SOL_SOCKET, SO_REUSEADDR, 1)
    let (isListening, port) = unsafe withAddress(port) { address, size in
        unsafe bind(descriptor, address, size) == 0 && listen(descriptor, 1024) == 0
            && getsockname(descriptor, address, &size) == 0
    }
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    return isListening ? (descriptor, port) : nil
}

/// Loopback connects or refuses at once.
func connected(_ port: UInt16) -> Int32? {
    let descriptor = newSocket()
    let (status, _) = unsafe withAddress(port) { address, size in unsafe connect(descriptor, address, size) }
    guard status == 0 else {
        close(descriptor)
        return nil
    }
    prepare(descriptor)
    return descriptor
}

func accepted(_ listening: Int32) -> Int32? {
    let descriptor = accept(listening, nil, nil)
    guard descriptor >= 0 else { return nil }
    prepare(descriptor)
    return descriptor
}

private func prepare(_ descriptor: Int32) {
    _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    setOption(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
}

/// Bytes that the other side's kernel has not taken.
func unsent(_ descriptor: Int32) -> Int {
    var left: Int32 = 0
    return unsafe ioctl(descriptor, UInt(TIOCOUTQ), &left) == 0 ? Int(left) : 0
}

/// Bytes on the line, and when they arrive.
@safe final class Parcel {
    static let capacity = 128 << 10
    private let base = UnsafeMutableRawPointer.allocate(byteCount: capacity, alignment: 4096)
    private var start = 0
    private var end = 0
    var due = 0.0
    var count: Int { end - start }

    /// As `recv`: 0 at the end, -1 when nothing is there.
    func fill(from descriptor: Int32, atMost limit: Int) -> Int {
        start = 0
        let count = unsafe recv(descriptor, base, min(limit, Parcel.capacity), 0)
        end = max(0, count)
        return count
    }

    func empty(into descriptor: Int32) -> Int {
        let count = unsafe send(descriptor, base + start, end - start, Int32(MSG_NOSIGNAL))
        if count > 0 { start += count }
        return count
    }

    deinit { unsafe base.deallocate() }
}
