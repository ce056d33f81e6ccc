/// The servers of a ring, as the operator of each of them writes them down.
public enum PeerList: Hashable, Sendable, CustomStringConvertible {
    case servers([Origin])
    /// Every address of the name, at the same port.
    case name(Host, port: UInt16)

    /// `dns:NAME[:PORT]`, or servers with commas between. `port` is for those that are written without one.
    public init(_ text: String, port: UInt16) throws(CakeError) {
        if text.lowercased().hasPrefix("dns:") {
            let origin = try PeerList.origin(String(text.dropFirst(4)), port: port)
            let isName = origin.host.text.utf8.first != UInt8(ascii: "[")
            guard origin.scheme == .http, isName, Host.address(Array(origin.host.text.utf8)) == nil else {
                throw PeerList.refuse(text, "does not name a host", "write it like dns:cake.racks.example:5111")
            }
            self = .name(origin.host, port: origin.port)
            return
        }
        let words = text.split(whereSeparator: { ", \t".contains($0) })
        guard !words.isEmpty else {
            throw PeerList.refuse(text, "names no server", PeerList.example)
        }
        var servers: [Origin] = []
        for word in words {
            let origin = try PeerList.origin(String(word), port: port)
            guard !servers.contains(where: { $0.authority == origin.authority }) else {
                throw PeerList.refuse(text, "names \(origin.authority) twice", "name each server once")
            }
            servers.append(origin)
        }
        self = .servers(servers)
    }

    private static func origin(_ word: String, port: UInt16) throws(CakeError) -> Origin {
        let scheme = ["https://", "http://"].first { word.lowercased().hasPrefix($0) }
        let place = word.dropFirst(scheme?.count ?? 0)
        // After an IPv6 address's bracket.
        let end = place.utf8.lastIndex(of: UInt8(ascii: "]")).map { place[$0...] } ?? place
        let hasPort = end.utf8.contains(UInt8(ascii: ":"))
        guard !place.isEmpty, !place.contains("/"),
            let url = try? WebURL((scheme ?? "http://") + place + (hasPort ? "" : ":\(port)"))
        else { throw refuse(word, "is not a server", example) }
        return url.origin
    }

    /// Addresses of a name, as its lookup gave them.
    public static func servers(_ addresses: [String], port: UInt16) -> [Origin] {
        Set(addresses).sorted().compactMap { address in
            let host = address.utf8.contains(UInt8(ascii: ":")) ? "[\(address)]" : address
            return (try? WebURL("http://\(host):\(port)"))?.origin
        }
    }

    private static let example = "write it like node1:5111,node2:5111, or dns:cake.racks.example"

    private static func refuse(_ text: String, _ why: String, _ fix: String) -> CakeError {
        CakeError(.usage, "--peers: \"\(Printable.escape(text))\" \(why)", fix: fix)
    }

    public var description: String {
        switch self {
        case .servers(let servers): servers.map(\.authority).joined(separator: ", ")
        case .name(let host, let port): "dns:\(host.text):\(port)"
        }
    }
}
