internal import Glibc

/// So many bytes a second, and a little saved up, since a loop may come late.
final class Bucket {
    private let rate: Double
    private var level: Double
    private let most: Double
    private var last = seconds()

    /// A rate of 0 has no end.
    init(rate: Double) {
        self.rate = rate
        most = max(rate * 0.05, 65536)
        level = most
    }

    func refill(_ now: Double) {
        level = min(most, level + (now - last) * rate)
        last = now
    }

    var room: Int { rate == 0 ? .max : Int(max(0, level)) }
    func take(_ count: Int) { if rate > 0 { level -= Double(count) } }
}

/// One way between two sockets: what is read arrives later.
final class Way {
    let from: Int32
    let to: Int32
    var waiting: [Parcel] = []
    private var first = 0
    var queued = 0
    var hasEnded = false
    var isClosed = false
    var isBlocked = false
    let delay: Double
    private let buckets: [Bucket]
    /// What may be under way at once: at least what the line holds, and then the sender is held back.
    static let window = 4 << 20

    init(from: Int32, to: Int32, delay: Double, buckets: [Bucket]) {
        self.from = from
        self.to = to
        self.delay = delay
        self.buckets = buckets
    }

    var next: Parcel? { first < waiting.count ? waiting[first] : nil }

    /// How much may be read now.
    var room: Int { hasEnded || queued >= Way.window ? 0 : buckets.reduce(Parcel.capacity) { min($0, $1.room) } }
    var waitsForTokens: Bool { !hasEnded && queued < Way.window && room < 1 << 10 }

    /// Bytes read.
    func read(_ now: Double, notBefore earliest: Double, _ spare: inout [Parcel]) -> Int {
        guard room >= 1 << 10 else { return 0 }
        let parcel = spare.popLast() ?? Parcel()
        let count = parcel.fill(from: from, atMost: room)
        guard count > 0 else {
            if count == 0 || errno != EAGAIN && errno != EINTR { hasEnded = true }
            spare.append(parcel)
            return 0
        }
        for bucket in buckets { bucket.take(count) }
        parcel.due = max(now, earliest) + delay
        waiting.append(parcel)
        queued += count
        return count
    }

    /// Bytes that arrived; nil when the receiver is gone.
    func write(_ now: Double, _ spare: inout [Parcel]) -> Int? {
        var total = 0
        isBlocked = false
        while let parcel = next, parcel.due <= now {
            let count = parcel.empty(into: to)
            if count < 0 {
                guard errno == EAGAIN || errno == EINTR else { return nil }
                isBlocked = true
                break
            }
            total += count
            queued -= count
            guard parcel.count == 0 else { continue }
            spare.append(parcel)
            first += 1
            if first > 64 {
                waiting.removeFirst(first)
                first = 0
            }
        }
        if hasEnded, next == nil, !isClosed {
            isClosed = true
            shutdown(to, Int32(SHUT_WR))
        }
        return total
    }
}

/// A client's connection and the server's.
final class Pair {
    let client: Int32
    let server: Int32
    let up: Way
    let down: Way
    let route: Int
    /// When the client's first word may leave: connecting took a round trip.
    let open: Double
    private let own: Bucket

    init(_ client: Int32, _ server: Int32, route: Int, roundTrip: Double, each: Double, all: Bucket, _ now: Double) {
        self.client = client
        self.server = server
        self.route = route
        open = now + roundTrip
        up = Way(from: client, to: server, delay: roundTrip / 2, buckets: [])
        own = Bucket(rate: each)
        down = Way(from: server, to: client, delay: roundTrip / 2, buckets: [own, all])
    }

    func refill(_ now: Double) { own.refill(now) }
    var isOver: Bool { up.isClosed && down.isClosed }
}
