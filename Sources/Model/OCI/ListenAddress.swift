/// Where a server is to be found: an address of this machine and a port.
public struct ListenAddress: Hashable, Sendable, CustomStringConvertible {
    /// An IPv6 address without its brackets.
    public let host: String
    /// 0 for one that is free.
    public let port: UInt16

    public static let standard = ListenAddress(host: "127.0.0.1", port: 5111)

    public init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    public init(_ text: String) throws(CakeError) {
        guard let colon = text.utf8.lastIndex(of: UInt8(ascii: ":")),
            let port = ByteRange.number(text.utf8[text.utf8.index(after: colon)...]).flatMap({ UInt16(exactly: $0) }),
            let host = Host(String(text[..<colon]))
        else { throw ListenAddress.refuse(text, "is not an address and a port") }
        let name = host.text == "localhost" ? "127.0.0.1" : host.text
        if name.utf8.first == UInt8(ascii: "[") {
            self.host = String(name.dropFirst().dropLast())
        } else {
            guard Host.address(Array(name.utf8)) != nil else {
                throw ListenAddress.refuse(text, "is a host name, not an address")
            }
            self.host = name
        }
        self.port = port
    }

    /// Whether only this machine reaches it.
    public var isLoopback: Bool {
        guard let address = Host.address(Array(host.utf8)) else { return host == "::1" }
        return address >> 24 == 127
    }

    public var description: String { host.utf8.contains(UInt8(ascii: ":")) ? "[\(host)]:\(port)" : "\(host):\(port)" }

    private static func refuse(_ text: String, _ why: String) -> CakeError {
        CakeError(
            .usage, "\"\(Printable.escape(text))\" \(why)",
            fix: "write it like 127.0.0.1:5111, [::1]:5111, or 0.0.0.0:5111 for every address of this machine")
    }
}
