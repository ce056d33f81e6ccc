package import Network

/// `/` in a browser: what this server is, in words. A client that asks for something else than a page gets what it got before.
package enum PageRoute: CaseIterable, Sendable {
    case home

    /// Nil when the address is another, or when no page is wanted.
    package init?(_ parts: [String], _ request: ServerRequest) {
        guard parts.isEmpty || parts == [""], request.method == "GET" || request.method == "HEAD",
            request["accept"]?.lowercased().contains("text/html") == true
        else { return nil }
        self = .home
    }
}
