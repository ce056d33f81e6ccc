internal import Model

/// A run of one remote file.
struct RemoteSpan: Hashable, Sendable {
    /// By its number in the pull.
    let file: Int
    let bytes: Range<UInt64>
    /// The server ignores ranges: cutting it would download its beginning again.
    var isIndivisible = false
}

/// Missing bytes, handed out in the order of the files. Spans get shorter toward the end: all connections end at about
/// the same time.
struct SpanQueue: Sendable {
    /// The next one last.
    private var runs: [RemoteSpan]
    private(set) var bytesLeft: UInt64

    /// A request costs a round trip in which its connection moves nothing: long spans make it small.
    static let longest: UInt64 = 64 << 20
    static let shortest: UInt64 = 2 << 20

    private let longest: UInt64

    init(_ runs: [RemoteSpan], longest: UInt64 = longest) {
        self.longest = longest
        self.runs = runs.reversed()
        bytesLeft = runs.reduce(0) { $0 + $1.bytes.length }
    }

    var isEmpty: Bool { runs.isEmpty }

    /// The next span for one of so many connections.
    mutating func take(connections: Int) -> RemoteSpan? {
        guard let run = runs.popLast() else { return nil }
        let share = bytesLeft / UInt64(2 * max(connections, 1))
        let length = min(max(share, SpanQueue.shortest), longest)
        let rest = run.bytes.length
        // A remainder too short to be worth a request goes with this one.
        guard !run.isIndivisible, rest > length + SpanQueue.shortest / 2 else {
            bytesLeft -= rest
            return run
        }
        let cut = run.bytes.lowerBound + length
        runs.append(RemoteSpan(file: run.file, bytes: cut..<run.bytes.upperBound))
        bytesLeft -= length
        return RemoteSpan(file: run.file, bytes: run.bytes.lowerBound..<cut)
    }

    /// A client waits for a byte: the span that begins there is next, if it is not being downloaded yet.
    mutating func bringForward(_ position: UInt64, of file: Int) {
        guard let place = runs.firstIndex(where: { $0.file == file && $0.bytes.contains(position) }) else { return }
        let run = runs.remove(at: place)
        guard !run.isIndivisible, run.bytes.lowerBound < position else { return runs.append(run) }
        runs.insert(RemoteSpan(file: file, bytes: run.bytes.lowerBound..<position), at: place)
        runs.append(RemoteSpan(file: file, bytes: position..<run.bytes.upperBound))
    }

    /// The rest of a failed span is next.
    mutating func giveBack(_ span: RemoteSpan) {
        guard !span.bytes.isEmpty else { return }
        runs.append(span)
        bytesLeft += span.bytes.length
    }
}

/// The number of connections to a server: more while the rate grows, fewer when it complains.
struct ConnectionCount: Sendable {
    private(set) var wanted: Int
    private let most: Int
    private var rateBefore = 0.0
    private var fruitless = 0
    /// Observations to let pass before more is tried again.
    private var resting = 0

    static let atFirst = 8
    /// After a complaint.
    static let rest = 10

    init(most: Int) {
        self.most = max(1, most)
        wanted = min(ConnectionCount.atFirst, self.most)
    }

    /// Called regularly with the rate of all connections. Growing stops only after two rounds without a gain.
    mutating func observe(bytesPerSecond rate: Double) {
        if resting > 0 {
            resting -= 1
            // The rate with fewer connections is the measure from here on.
            rateBefore = 0
            return
        }
        guard fruitless < 2, wanted < most else { return }
        if rate > rateBefore * 1.03 {
            rateBefore = rate
            fruitless = 0
            wanted = min(most, wanted + max(1, wanted / 4))
        } else {
            fruitless += 1
        }
    }

    /// The server said that it is too much, or let a connection fall. Those that fall together count once.
    mutating func suffer() {
        if resting < ConnectionCount.rest { wanted = max(1, wanted / 2) }
        resting = ConnectionCount.rest
        fruitless = 0
    }
}
