internal import Mirror
import Model
import Network
import Platform
import Synchronization
import Transfer

/// Counters since the start, for monitoring.
final class Metrics: Sendable {
    private struct Outcome: Hashable {
        let method: String
        let status: Int
    }

    private struct State {
        var requests: [Outcome: UInt64] = [:]
        var sent: UInt64 = 0
        var received: UInt64 = 0
        var seconds = 0.0
        var cut: UInt64 = 0
        var unaudited: UInt64 = 0
    }

    private let state = Mutex(State())
    private static let methods: Set<String> = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"]

    func add(_ record: ServerRecord) {
        let (seconds, attoseconds) = record.duration.components
        // Clients must not decide how many lines there are.
        let method = Metrics.methods.contains(record.request.method) ? record.request.method : "other"
        state.withLock { state in
            state.requests[Outcome(method: method, status: record.status), default: 0] += 1
            state.sent += record.isWhole ? record.bytes : 0
            state.received += record.received
            state.seconds += Double(seconds) + Double(attoseconds) / 1e18
            state.cut += record.isWhole ? 0 : 1
        }
    }

    func addUnaudited() { state.withLock { $0.unaudited += 1 } }

    var unaudited: UInt64 { state.withLock { $0.unaudited } }

    /// In the text format that Prometheus reads.
    func text(freeBytes: UInt64?, isStopping: Bool, mirror: Mirror?, more: [Metric]) -> String {
        let state = state.withLock { $0 }
        var text = ""
        func metric(_ name: String, _ type: String, _ help: String, _ values: [(label: String, value: String)]) {
            text += "# HELP cake_\(name) \(help)\n# TYPE cake_\(name) \(type)\n"
            for (label, value) in values { text += "cake_\(name)\(label) \(value)\n" }
        }
        func one(_ name: String, _ type: String, _ help: String, _ value: String) {
            metric(name, type, help, [("", value)])
        }
        metric(
            "requests_total", "counter", "Requests that have ended.",
            state.requests.map { ("{method=\"\($0.key.method)\",status=\"\($0.key.status)\"}", "\($0.value)") }
                .sorted { $0.0 < $1.0 })
        one("sent_bytes_total", "counter", "Bytes of whole answers.", "\(state.sent)")
        one("received_bytes_total", "counter", "Bytes of bodies that were received.", "\(state.received)")
        one("request_seconds_total", "counter", "Time that requests took.", "\(state.seconds)")
        one("cut_total", "counter", "Answers that were cut off.", "\(state.cut)")
        if let counts = mirror?.counts {
            func count(_ name: String, _ help: String, _ count: Mirror.Count) {
                one("mirror_\(name)_total", "counter", help, "\(count.value)")
            }
            count("asked", "Questions to the upstream about repositories.", counts.asked)
            count("transfers", "Files that were downloaded from the upstream or a peer.", counts.transfers)
            count("joined", "Requests that joined a running download.", counts.joined)
            count("fetched_bytes", "Bytes that were downloaded from the upstream.", counts.fetched)
            count("unchecked_bytes", "Bytes that were sent before their file was verified.", counts.unchecked)
            count("wrong", "Downloaded files that did not match their hash.", counts.wrong)
            count("evicted", "Models that were evicted.", counts.evicted)
            count("peer_bytes", "Bytes that peers sent, instead of the upstream.", counts.fromPeers)
            count(
                "relayed_bytes", "Bytes that another server downloaded, and that came through the storage.",
                counts.relayed)
            count(
                "peers_passed_over", "Files for which a peer failed, and the next server was asked.", counts.passedOver)
            one("mirror_peers", "gauge", "Other servers of the ring that answer.", "\(mirror?.peers?.answering ?? 0)")
        }
        if let freeBytes { one("free_bytes", "gauge", "Free space on the disk of the store.", "\(freeBytes)") }
        one("stopping", "gauge", "1 when the server is ending.", isStopping ? "1" : "0")
        return more.reduce(text) { $0 + $1.text }
    }
}

/// How often each client asked in this second.
final class RequestLimit: Sendable {
    private struct State {
        var second = 0
        var counts: [String: Int] = [:]
    }

    private let state = Mutex(State())
    private let limit: Int

    init(_ limit: Int) { self.limit = limit }

    func allows(_ client: String) -> Bool {
        guard limit > 0 else { return true }
        let now = Machine.now
        return state.withLock { state in
            if state.second != now { state = State(second: now) }
            state.counts[client, default: 0] += 1
            return state.counts[client, default: 0] <= limit
        }
    }
}
