/// What `cake serve` says when it begins: where it is, and what clients type.
struct ServeGreeting {
    /// It listens there.
    let address: String
    /// As clients call it.
    let place: String
    let speaksTLS: Bool
    let allowsPush: Bool
    let isLoopback: Bool
    /// Endings of the tags under which other tools find the models.
    let views: [String]
    let upstream: String?
    let isOffline: Bool
    /// The servers of the ring, as they were typed.
    let peers: String?
    /// Nil for a store.
    var storage: String?

    var lines: [String] {
        let scheme = speaksTLS ? "https" : "http"
        let flag = speaksTLS || isLoopback ? "" : " --plain-http"
        var lines = [
            "serving on \(scheme)://\(address), to pull from\(allowsPush ? " and push to" : ""); Ctrl-C ends it",
            "  Hub clients:  export HF_ENDPOINT=\(scheme)://\(place)",
            "  cake:         cake pull \(place)/NAME\(flag)",
        ]
        if allowsPush { lines.append("                cake push NAME \(place)/NAME:v1\(flag)") }
        if !views.isEmpty {
            lines.append("  other tools:  \(views.map { "\(place)/NAME:TAG\($0)" }.joined(separator: ", "))")
        }
        lines.append("  browser:      \(scheme)://\(place)/")
        if let storage { lines.append("  storage:      \(storage)") }
        if let upstream {
            lines.append(
                isOffline
                    ? "  upstream:     \(upstream), not asked (--offline): only models that are here"
                    : "  upstream:     \(upstream), asked for models that are not here")
        }
        if let peers { lines.append("  peers:        \(peers), asked before the upstream") }
        return lines
    }
}
