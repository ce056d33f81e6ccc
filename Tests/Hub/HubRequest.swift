internal import Synchronization

/// The origins of a hub: its own, that of large files, and its Xet server's.
public enum Place: String, Sendable { case hub, cdn, cas }

/// A request as it came, and its answer.
public struct HubRequest: Sendable {
    public let place: Place
    /// Counts from 1; requests of one connection have the same.
    public let connection: Int
    public let method: String
    /// Path and query as they came.
    public let target: String
    /// Decoded, without the query. For the CDN: repository and file that the signed URL stands for, as in
    /// `/org/name/model.safetensors`.
    public let path: String
    /// In lower case, with values as they came.
    public let headers: [(name: String, value: String)]
    public internal(set) var status: Int?
    /// Bytes of body that the socket took.
    public internal(set) var sent: UInt64 = 0
    /// The answer has ended, well or not.
    public internal(set) var isDone = false
    /// It waits for `Hub.release()`.
    public internal(set) var isStalled = false

    public subscript(header: String) -> String? { headers.first { $0.name == header }?.value }
    public var range: String? { self["range"] }
    public var host: String? { self["host"] }
    public var authorization: String? { self["authorization"] }
}

/// The requests so far. A record is locked while its bytes go to the socket: a client that has a byte finds it counted.
final class Log: Sendable {
    final class Entry: Sendable {
        let record: Mutex<HubRequest>
        init(_ request: HubRequest) { record = Mutex(request) }
    }

    private struct Waiter {
        let number: Int
        let condition: @Sendable ([HubRequest]) -> Bool
        let continuation: CheckedContinuation<[HubRequest], Never>
    }

    private let entries = Mutex<[Entry]>([])
    private let waiters = Mutex<[Waiter]>([])
    private let numbers = Numbers()
    private let listener = Mutex<(@Sendable (HubRequest) -> Void)?>(nil)

    var requests: [HubRequest] { entries.withLock { $0 }.map { $0.record.withLock { $0 } } }

    func add(_ request: HubRequest) -> Entry {
        let entry = Entry(request)
        entries.withLock { $0.append(entry) }
        wake()
        return entry
    }

    func forget() { entries.withLock { $0 = [] } }

    func listen(_ body: @escaping @Sendable (HubRequest) -> Void) { listener.withLock { $0 = body } }

    func change(_ entry: Entry, _ body: (inout HubRequest) -> Void) {
        entry.record.withLock { body(&$0) }
        wake()
    }

    func end(_ entry: Entry) {
        change(entry) { $0.isDone = true }
        let request = entry.record.withLock { $0 }
        listener.withLock { $0 }?(request)
    }

    /// Continues after some minutes in any case: the test's expectation then says what did not happen.
    func wait(_ condition: @escaping @Sendable ([HubRequest]) -> Bool) async -> [HubRequest] {
        let number = numbers.next()
        let limit = Task { [weak self] in
            try await Task.sleep(for: .seconds(240))
            self?.giveUp(number)
        }
        defer { limit.cancel() }
        return await withCheckedContinuation { continuation in
            waiters.withLock { $0.append(Waiter(number: number, condition: condition, continuation: continuation)) }
            wake()
        }
    }

    private func giveUp(_ number: Int) {
        let requests = requests
        let waiter = waiters.withLock { waiters in
            waiters.firstIndex { $0.number == number }.map { waiters.remove(at: $0) }
        }
        waiter?.continuation.resume(returning: requests)
    }

    /// Lets those go on whose condition holds. Called after every change that a condition can see.
    func wake() {
        guard waiters.withLock({ !$0.isEmpty }) else { return }
        let requests = requests
        let ready = waiters.withLock { waiters in
            let ready = waiters.filter { $0.condition(requests) }
            if !ready.isEmpty { waiters.removeAll { $0.condition(requests) } }
            return ready
        }
        for waiter in ready { waiter.continuation.resume(returning: requests) }
    }
}
