/// How far into a private network or this machine a request may lead, by address and not by host name, and the error
/// for one that leads further. An address that a person typed has no limit; where a server sends a request has the
/// reach of that server.
public struct AddressLimit: Sendable {
    public let reach: Host.Reach
    public let refusal: CakeError

    public init(_ reach: Host.Reach, _ refusal: CakeError) {
        self.reach = reach
        self.refusal = refusal
    }

    /// For addresses that a server names. `answered` is the reach of the address that the answer came from; nil if a
    /// proxy was in between: then the server's name counts.
    public init(from server: Origin, at answered: Host.Reach?, _ refusal: CakeError) {
        self.init(answered ?? server.host.reach, refusal)
    }

    /// By its spelling: the address that it turns out to have is judged when it is connected.
    public func check(_ origin: Origin) throws(CakeError) {
        if origin.host.reach > reach { throw refusal }
    }
}

extension Host.Reach {
    /// Of an address as a connection has it: `10.0.0.1`, `fe80::1`. Other text counts as this machine.
    public init(ofAddress text: String) {
        let bytes = Array(text.utf8)
        if let address = Host.address(bytes) {
            self = Host.reach(of: address)
        } else {
            self = Host.groups(bytes).map(Host.reach) ?? .machine
        }
    }
}
