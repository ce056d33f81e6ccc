internal import Glibc
internal import Model
internal import Platform

/// A socket that waits for connections.
struct Listener {
    let descriptor: Int32
    let port: UInt16

    /// A silent client waits this long in the kernel: accepted connections have sent their first bytes.
    private static let silence: Int32 = 30

    init(_ address: ListenAddress) throws(CakeError) {
        let isSix = address.host.utf8.contains(UInt8(ascii: ":"))
        let descriptor = socket(
            isSix ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Listener.failure(address) }
        var yes: Int32 = 1
        let length = socklen_t(MemoryLayout<Int32>.size)
        unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, length)
        var silence = Listener.silence
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_DEFER_ACCEPT, &silence, length)
        if isSix { unsafe setsockopt(descriptor, Int32(IPPROTO_IPV6), IPV6_V6ONLY, &yes, length) }
        guard isSix ? Listener.bindSix(descriptor, address) : Listener.bindFour(descriptor, address),
            listen(descriptor, 1024) == 0
        else {
            let error = Listener.failure(address)
            close(descriptor)
            throw error
        }
        self.descriptor = descriptor
        port = Listener.port(of: descriptor)
    }

    private static func bindFour(_ descriptor: Int32, _ address: ListenAddress) -> Bool {
        var raw = sockaddr_in()
        raw.sin_family = sa_family_t(AF_INET)
        raw.sin_port = address.port.bigEndian
        guard unsafe inet_pton(AF_INET, address.host, &raw.sin_addr) == 1 else { return false }
        return unsafe withUnsafePointer(to: &raw) { raw in
            unsafe raw.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
            }
        }
    }

    private static func bindSix(_ descriptor: Int32, _ address: ListenAddress) -> Bool {
        var raw = sockaddr_in6()
        raw.sin6_family = sa_family_t(AF_INET6)
        raw.sin6_port = address.port.bigEndian
        guard unsafe inet_pton(AF_INET6, address.host, &raw.sin6_addr) == 1 else { return false }
        return unsafe withUnsafePointer(to: &raw) { raw in
            unsafe raw.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size)) == 0
            }
        }
    }

    /// Both kinds of address have it in the same place.
    private static func port(of descriptor: Int32) -> UInt16 {
        var raw = sockaddr_in6()
        var length = socklen_t(MemoryLayout<sockaddr_in6>.size)
        _ = unsafe withUnsafeMutablePointer(to: &raw) { raw in
            unsafe raw.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return UInt16(bigEndian: raw.sin6_port)
    }

    private static func failure(_ address: ListenAddress) -> CakeError {
        let number = errno
        let words = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        let fix: String? =
            switch number {
            case EADDRINUSE: "another program listens there; choose another port with --listen"
            case EADDRNOTAVAIL: "this machine does not have the address; ip address lists its addresses"
            case EACCES: "ports below 1024 need root; choose another with --listen"
            default: nil
            }
        return CakeError(.failed, "cannot listen on \(address): \(words)", fix: fix)
    }
}
