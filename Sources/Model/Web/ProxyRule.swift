/// Which requests go through a proxy, by the variables that curl knows. A proxy looks names up itself, so the address that
/// is connected says nothing of the server.
public struct ProxyRule: Sendable {
    public static let variables = [
        "http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY",
    ]

    private let http: String?
    private let https: String?
    private let direct: [String]

    public init(_ variables: [String: String]) {
        func first(_ names: String...) -> String? {
            names.lazy.compactMap { variables[$0] }.first { !$0.isEmpty }
        }
        // Not HTTP_PROXY: for a CGI program that is a client's header.
        http = first("http_proxy", "all_proxy", "ALL_PROXY")
        https = first("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY")
        direct = (first("no_proxy", "NO_PROXY") ?? "").lowercased()
            .split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// Nil where the server itself is connected.
    public func proxy(for origin: Origin) -> String? {
        guard let proxy = origin.scheme == .http ? http : https else { return nil }
        return direct.contains { matches($0, origin.host.text) } ? nil : proxy
    }

    private func matches(_ pattern: String, _ host: String) -> Bool {
        if pattern == "*" { return true }
        let host = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
        if let address = Host.address(Array(host.utf8)) {
            let parts = pattern.split(separator: "/", maxSplits: 1)
            guard let first = parts.first, let network = Host.address(Array(first.utf8)) else { return false }
            guard let bits = parts.count == 1 ? 32 : Int(parts[1]), (1...32).contains(bits) else { return false }
            return (address ^ network) >> UInt32(32 - bits) == 0
        }
        let name = pattern.hasPrefix(".") ? String(pattern.dropFirst()) : pattern
        return !name.isEmpty && (host == name || host.hasSuffix("." + name))
    }
}
