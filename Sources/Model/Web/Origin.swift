/// A server: scheme, host and port. A token belongs to one origin and goes to no other.
public struct Origin: Hashable, Sendable, CustomStringConvertible {
    public enum Scheme: String, Sendable {
        case http
        case https

        var usualPort: UInt16 { self == .http ? 80 : 443 }
    }

    public let scheme: Scheme
    public let host: Host
    public let port: UInt16

    /// Whether a token meant for one may be sent to the other.
    public static func mayCarryToken(from source: Origin, to target: Origin) -> Bool { source == target }

    /// Host and port, as a Host header has them.
    public var authority: String { port == scheme.usualPort ? host.text : "\(host.text):\(port)" }

    public var description: String { "\(scheme.rawValue)://\(authority)" }

    /// The text between `//` and the path.
    init?(_ scheme: Scheme, authority: ArraySlice<UInt8>) {
        var name = authority
        var port = scheme.usualPort
        if let colon = authority.lastIndex(of: UInt8(ascii: ":")), !authority[colon...].contains(UInt8(ascii: "]")) {
            let digits = authority[(colon + 1)...]
            guard digits.allSatisfy({ $0 &- 0x30 < 10 }), digits.count <= 5,
                let number = UInt16(String(decoding: digits, as: UTF8.self)), number > 0
            else { return nil }
            port = number
            name = authority[..<colon]
        }
        guard let host = Host(String(decoding: name, as: UTF8.self)) else { return nil }
        self.scheme = scheme
        self.host = host
        self.port = port
    }
}

/// A host as a URL has it: a name, four numbers, or an IPv6 address in brackets. In lower case.
public struct Host: Hashable, Sendable {
    /// From where an address leads to the same place: from everywhere, within a private network, on one cable, or on this
    /// machine only.
    public enum Reach: Int, Comparable, Sendable {
        case world
        case network
        case link
        case machine

        public static func < (left: Reach, right: Reach) -> Bool { left.rawValue < right.rawValue }
    }

    public let text: String
    /// By its spelling. The address behind a name is known only when it is connected.
    public let reach: Reach

    init?(_ text: String) {
        let text = text.lowercased()
        if text.utf8.first == UInt8(ascii: "[") {
            guard text.utf8.last == UInt8(ascii: "]"), let groups = Host.groups(Array(text.utf8.dropFirst().dropLast()))
            else { return nil }
            reach = Host.reach(of: groups)
        } else {
            let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
            guard text.utf8.count <= 253, let last = labels.last, labels.allSatisfy(Host.isLabel) else { return nil }
            // Some resolvers read a name that ends in a number as an address, in many spellings: one spelling is
            // accepted.
            if last.allSatisfy({ $0 &- 0x30 < 10 }) || last.starts(with: "0x".utf8) {
                guard let address = Host.address(Array(text.utf8)) else { return nil }
                reach = Host.reach(of: address)
            } else if last.elementsEqual("localhost".utf8) {
                reach = .machine
            } else {
                reach = labels.count == 1 ? .network : .world
            }
        }
        self.text = text
    }

    private static func isLabel(_ label: Substring.UTF8View) -> Bool {
        (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
            && label.allSatisfy { byte in
                switch byte {
                case 0x30...0x39, 0x61...0x7a, UInt8(ascii: "-"), UInt8(ascii: "_"): true
                default: false
                }
            }
    }

    /// Four decimal numbers without leading zeros.
    static func address(_ text: [UInt8]) -> UInt32? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count == 4 else { return nil }
        var address: UInt32 = 0
        for part in parts {
            guard (1...3).contains(part.count), part.count == 1 || part.first != 0x30,
                part.allSatisfy({ $0 &- 0x30 < 10 }), let number = UInt8(String(decoding: part, as: UTF8.self))
            else { return nil }
            address = address << 8 | UInt32(number)
        }
        return address
    }

    static func reach(of address: UInt32) -> Reach {
        switch address {
        case 0...0x00ff_ffff, 0x7f00_0000...0x7fff_ffff: .machine
        case 0xa9fe_0000...0xa9fe_ffff, 0xe000_0000...0xffff_ffff: .link
        case 0x0a00_0000...0x0aff_ffff, 0x6440_0000...0x647f_ffff, 0xac10_0000...0xac1f_ffff,
            0xc000_0000...0xc000_00ff, 0xc0a8_0000...0xc0a8_ffff, 0xc612_0000...0xc613_ffff:
            .network
        default: .world
        }
    }
}
