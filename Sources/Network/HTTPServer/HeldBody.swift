internal import Platform

/// A request's body that is held in memory until it is complete. It takes memory as bytes come, not as many as the
/// client claims. One thread at a time uses it.
final class HeldBody {
    private var bytes: [UInt8] = []
    private var room: Budget.Reservation?
    private let limit: Int
    private(set) var end = End.whole

    enum End { case whole, tooLong, noRoom }

    init(limit: Int) { self.limit = limit }

    func append(_ more: Span<UInt8>, from client: String, _ budget: Budget) {
        guard end == .whole else { return }
        guard more.count <= limit - bytes.count else { return stop(.tooLong) }
        let needed = bytes.count + more.count
        if needed > bytes.capacity || room == nil {
            // Twice as much saves copies; if there is no room for that, the needed bytes.
            let ample = min(limit, max(needed, 2 * bytes.capacity))
            let capacity = take(ample, for: client, budget) ? ample : needed
            guard capacity == ample || take(needed, for: client, budget) else { return stop(.noRoom) }
            bytes.reserveCapacity(capacity)
        }
        unsafe more.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    /// Room for so many bytes in total.
    private func take(_ capacity: Int, for client: String, _ budget: Budget) -> Bool {
        if let room { return room.grow(by: UInt64(max(capacity - bytes.capacity, 0))) }
        room = budget.take(UInt64(capacity), for: client)
        return room != nil
    }

    private func stop(_ end: End) {
        self.end = end
        bytes = []
        room = nil
    }

    /// The bytes, nil if they were too many, and the room that they take.
    func finish() -> (bytes: [UInt8]?, room: Budget.Reservation?) {
        defer { (bytes, room) = ([], nil) }
        return (end == .whole ? bytes : nil, room)
    }
}
