public import Model
public import Platform
internal import Synchronization

/// Servers that may have the Hub's files nearer, in the order in which they are asked, each before the Hub. Nothing they say
/// is believed: only files are asked for that the Hub published a digest of. One that is down or slow is left alone a while.
public final class Mirrors: Sendable {
    /// From when on a mirror is slow: so long waited for its bytes, and fewer than these in a second of it.
    static let usualPatience = Duration.seconds(10)
    private static let leastBytesPerSecond = 64 << 10
    private static let rest = Duration.seconds(60)

    let sources: [HubSource]
    private let patience: Duration
    private let restsUntil: Mutex<[ContinuousClock.Instant?]>
    private let received = Atomic<UInt64>(0)

    /// No token goes there.
    public convenience init(_ routes: [HubRoutes], client: HTTPClient) {
        self.init(routes, client: client, patience: Mirrors.usualPatience)
    }

    init(_ routes: [HubRoutes], client: HTTPClient, patience: Duration) {
        sources = routes.map { HubSource($0, token: nil, client: client, isForOthers: true) }
        self.patience = patience
        restsUntil = Mutex(Array(repeating: nil, count: routes.count))
    }

    /// What has come from all of them.
    public var bytes: UInt64 { received.load(ordering: .relaxed) }

    /// A run of a file from the first that gives it; `copies` are the file on each. Nil when none does now.
    func open(_ range: Range<UInt64>, of copies: [HubFile]) async throws -> OpenedRun? {
        for (number, copy) in copies.enumerated() where !rests(number) && !copy.isGivenUp {
            do {
                let run = try await copy.open(range)
                // It would send the whole file for each run.
                if copy.comesWhole, range != 0..<copy.listed.size { throw Unfit() }
                return OpenedRun(run, watchedBy: Watch(self, number, of: range.count))
            } catch {
                try Task.checkCancellation()
                if Mirrors.mayPass(error) { leave(number) } else { copy.giveUp() }
            }
        }
        return nil
    }

    private struct Unfit: Error {}

    /// Else it is the file that this mirror has not, or not so.
    static func mayPass(_ error: any Error) -> Bool {
        switch error {
        case is TransientFailure: true
        case let refusal as HubRefusal: refusal.status == 429 || refusal.status >= 500
        case let error as CakeError: Retry.isTransient(error)
        default: false
        }
    }

    func rests(_ number: Int) -> Bool {
        restsUntil.withLock { $0[number].map { $0 > .now } ?? false }
    }

    func leave(_ number: Int) { restsUntil.withLock { $0[number] = .now + Mirrors.rest } }

    /// Sees one run come from one mirror.
    final class Watch: Sendable {
        private let mirrors: Mirrors
        private let number: Int
        private let count: Int
        private let state = Mutex((came: 0, waited: Duration.zero))

        init(_ mirrors: Mirrors, _ number: Int, of count: Int) {
            self.mirrors = mirrors
            self.number = number
            self.count = count
        }

        /// The next of a run's bytes. A failure is the mirror's: whoever goes on is sent elsewhere.
        func next(_ take: () async throws -> Chunk?) async throws -> Chunk? {
            if isSlow {
                mirrors.leave(number)
                throw TransientFailure(CakeError(.network, "\(mirrors.sources[number].routes) is too slow"))
            }
            let start = ContinuousClock.now
            do {
                let chunk = try await take()
                let count = chunk?.count ?? 0
                mirrors.received.add(UInt64(count), ordering: .relaxed)
                let isShort = state.withLock { state in
                    state.came += count
                    state.waited += .now - start
                    return chunk == nil && state.came < self.count
                }
                if isShort { mirrors.leave(number) }
                return chunk
            } catch {
                mirrors.leave(number)
                throw error
            }
        }

        private var isSlow: Bool {
            state.withLock { state in
                state.waited > mirrors.patience
                    && Double(state.came) < state.waited / .seconds(1) * Double(Mirrors.leastBytesPerSecond)
            }
        }
    }
}
