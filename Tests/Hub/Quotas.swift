internal import Glibc
internal import Synchronization

/// Requests of the present window, by kind.
final class Quotas: Sendable {
    struct Standing {
        let isLeft: Bool
        /// Until the window ends.
        let seconds: Int
        let headers: [(name: String, value: String)]
    }

    private struct Window {
        var end: Int
        var count = 0
    }

    private let windows = Mutex<[String: Window]>([:])
    private let requests = Atomic<Int>(0)

    func number() -> Int { requests.add(1, ordering: .relaxed).newValue }

    func count(_ kind: String, _ quota: HubSettings.Quota) -> Standing {
        let now = time(nil)
        let window = windows.withLock { windows in
            var window = windows[kind] ?? Window(end: 0)
            if window.end <= now { window = Window(end: now + quota.seconds) }
            window.count += 1
            windows[kind] = window
            return window
        }
        let left = max(0, quota.requests - window.count)
        return Standing(
            isLeft: window.count <= quota.requests, seconds: window.end - now,
            headers: [
                ("RateLimit", "\"\(kind)\";r=\(left);t=\(window.end - now)"),
                ("RateLimit-Policy", "\"fixed window\";\"\(kind)\";q=\(quota.requests);w=\(quota.seconds)"),
            ])
    }
}
