internal import Glibc
public import Model

/// The addresses of a host's name, as this machine finds them. Waits for the network.
public enum HostLookup {
    /// Those of IPv4 if there are any: a server with both kinds of address is one server.
    public static func addresses(of host: Host) throws(CakeError) -> [String] {
        var wanted = unsafe addrinfo()
        unsafe wanted.ai_family = AF_UNSPEC
        unsafe wanted.ai_socktype = Int32(SOCK_STREAM.rawValue)
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host.text, nil, &wanted, &list)
        guard code == 0 else {
            let words = unsafe gai_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code)"
            throw CakeError(.network, "\(host.text) has no address: \(words)")
        }
        defer { unsafe freeaddrinfo(list) }
        var found: [String] = []
        var next = unsafe list
        while let entry = unsafe next {
            if let text = unsafe text(of: entry.pointee) { found.append(text) }
            unsafe next = entry.pointee.ai_next
        }
        let four = found.filter { !$0.utf8.contains(UInt8(ascii: ":")) }
        return four.isEmpty ? found : four
    }

    private static func text(of entry: addrinfo) -> String? {
        var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
        let code = unsafe getnameinfo(
            entry.ai_addr, entry.ai_addrlen, &name, socklen_t(name.count), nil, 0, NI_NUMERICHOST)
        guard code == 0 else { return nil }
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
