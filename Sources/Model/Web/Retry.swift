/// When to ask again after a failure that may pass, and how long to wait before. Pure: the time and the dice are passed
/// in.
public struct Retry: Hashable, Sendable {
    /// In all, the first one included.
    public var tries = 6
    public var firstWait = Duration.milliseconds(500)
    public var longestWait = Duration.seconds(16)
    /// cake does not wait longer than this for a server.
    public var longestAsked = Duration.seconds(600)

    public init() {}

    /// Some minutes: for downloads that have come far already.
    public static var patient: Retry {
        var retry = Retry()
        retry.tries = 12
        retry.longestWait = .seconds(60)
        return retry
    }

    /// Whether the same question may have another answer soon.
    public static func isTransient(status: Int) -> Bool { [408, 425, 429, 500, 502, 503, 504].contains(status) }

    /// Whether a failure between here and the server may be temporary. A failure with a remedy needs a person.
    public static func isTransient(_ error: CakeError) -> Bool { error.kind == .network && error.fix == nil }

    /// How long to wait after the given number of failures, or nil when it is time to give up. `asked` is the server's
    /// wish; `random` is in 0..<1, and spreads clients that failed together.
    public func wait(afterFailures failures: Int, asked: Duration? = nil, random: Double) -> Duration? {
        guard failures >= 1, failures < tries else { return nil }
        let random = random.isFinite ? min(max(random, 0), 1) : 0.5
        if let asked {
            guard asked <= longestAsked else { return nil }
            // Never sooner than asked, and not all at the same moment.
            return max(asked, .zero) + .milliseconds(Int64(random * 1000))
        }
        var wait = firstWait
        var doublings = failures - 1
        while doublings > 0, wait > .zero, wait < longestWait {
            wait *= 2
            doublings -= 1
        }
        return min(wait, longestWait) * (0.5 + random / 2)
    }

    /// How long the server asks to wait: `Retry-After`, in seconds or as a date, or a `RateLimit` that is used up.
    /// `now` is in seconds since 1970.
    public static func asked(retryAfter: String?, rateLimit: String?, now: Int) -> Duration? {
        if let limit = rateLimit.flatMap(RateLimit.init), limit.left == 0 { return .seconds(limit.secondsToReset + 1) }
        guard let retryAfter else { return nil }
        if let seconds = Int64(retryAfter), seconds >= 0, seconds < 1 << 32 { return .seconds(seconds) }
        return HTTPDate.seconds(retryAfter).map { .seconds(max(0, $0 - now)) }
    }
}

/// `RateLimit: "resolvers";r=12;t=240`: how many requests are left in this window, and when the next one begins.
public struct RateLimit: Hashable, Sendable {
    public let left: Int64
    public let secondsToReset: Int64

    /// Of several limits the one with the fewest left.
    public init?(_ header: String) {
        let limits = header.split(separator: ",").compactMap(RateLimit.read)
        guard let tightest = limits.min(by: { ($0.left, -$0.seconds) < ($1.left, -$1.seconds) }) else { return nil }
        left = tightest.left
        secondsToReset = tightest.seconds
    }

    private static func read(_ item: Substring) -> (left: Int64, seconds: Int64)? {
        var left: Int64?
        var seconds: Int64?
        for parameter in item.split(separator: ";").dropFirst() {
            let words = parameter.split(separator: "=", maxSplits: 1)
            guard words.count == 2, let number = Int64(words[1].filter { $0 != " " }), number >= 0, number < 1 << 32
            else { continue }
            switch words[0].filter({ $0 != " " }) {
            case "r": left = number
            case "t": seconds = number
            default: continue
            }
        }
        guard let left, let seconds else { return nil }
        return (left, seconds)
    }
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`, the one spelling of a time that servers still write.
enum HTTPDate {
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// Since 1970.
    static func seconds(_ text: String) -> Int? {
        let words = text.split(separator: " ")
        guard words.count == 6, words[5] == "GMT", let day = Int(words[1]), (1...31).contains(day),
            let month = months.firstIndex(of: String(words[2])), let year = Int(words[3]), (1970...9999).contains(year)
        else { return nil }
        let clock = words[4].split(separator: ":").map { Int($0) ?? -1 }
        guard clock.count == 3, (0...23).contains(clock[0]), (0...59).contains(clock[1]), (0...60).contains(clock[2])
        else { return nil }
        let days = days(year, month, day)
        return days * 86_400 + clock[0] * 3600 + clock[1] * 60 + clock[2]
    }

    /// Since 1970; months count from zero.
    static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        // Years that begin in March have their leap day at the end.
        let shifted = month < 2 ? year - 1 : year
        let dayOfYear = (153 * ((month + 10) % 12) + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}
