public import Model
public import Network
internal import Platform
internal import Synchronization

/// Servers that may have the Hub's files nearer, in the order of requests, each before the Hub. They are not trusted:
/// they are asked only for files that have a digest from the Hub. A server that is down or slow is not used for a
/// while.
public final class Mirrors: NearServers {
    /// So long a mirror is waited for before it may be called slow.
    static let usualPatience = Duration.seconds(10)
    private static let rest = Duration.seconds(60)

    package let sources: [HubSource]
    let patience: Duration
    /// Nil where they are asked in order.
    let race: Mutex<RaceStanding?>
    private let restsUntil: Mutex<[ContinuousClock.Instant?]>
    let received = Atomic<UInt64>(0)

    /// They get no token. In a race the first to answer is used, else the first in order.
    public convenience init(_ routes: [HubRoutes], client: HTTPClient, areRaced: Bool = false) {
        let standing = areRaced ? RaceStanding(count: routes.count) : nil
        self.init(routes, client: client, patience: Mirrors.usualPatience, standing)
    }

    init(_ routes: [HubRoutes], client: HTTPClient, patience: Duration, _ standing: RaceStanding?) {
        let silence = RetryPolicy.onceMore(orElse: CakeError(.network, "it does not answer"))
        sources = routes.map { HubSource($0, token: nil, client: client, retry: silence, errors: .asSaid) }
        self.patience = patience
        race = Mutex(standing)
        restsUntil = Mutex(Array(repeating: nil, count: routes.count))
    }

    /// Bytes from all of them.
    public var bytes: UInt64 { received.load(ordering: .relaxed) }

    package func open(
        _ range: Range<UInt64>, of file: SnapshotFile, copies: [HubFile]
    ) async throws -> OpenedRun? {
        let fit = copies.indices.filter { !rests($0) && !copies[$0].isGivenUp }
        guard let asked = race.withLock({ $0?.asked(among: fit) }) else {
            return try await first(of: fit, range, of: copies, among: fit)
        }
        if let (number, run) = try await firstToAnswer(of: asked, range, of: copies, among: fit) {
            race.withLock { $0?.answered(number, among: fit) }
            return run
        }
        return try await first(of: fit.filter { !asked.contains($0) }, range, of: copies, among: fit)
    }

    /// One after another.
    private func first(
        of numbers: [Int], _ range: Range<UInt64>, of copies: [HubFile], among fit: [Int]
    ) async throws -> OpenedRun? {
        for number in numbers {
            if let run = try await open(range, of: copies[number], on: number, among: fit) { return run }
        }
        return nil
    }

    /// All at once. The others are released as soon as one answers.
    private func firstToAnswer(
        of numbers: [Int], _ range: Range<UInt64>, of copies: [HubFile], among fit: [Int]
    ) async throws -> (number: Int, run: OpenedRun)? {
        try await withThrowingTaskGroup(of: (Int, OpenedRun)?.self) { group in
            for number in numbers {
                group.addTask {
                    try await self.open(range, of: copies[number], on: number, among: fit).map { (number, $0) }
                }
            }
            while let answer = try await group.next() {
                guard let answer else { continue }
                group.cancelAll()
                return answer
            }
            return nil
        }
    }

    /// Nil if it does not have it.
    private func open(
        _ range: Range<UInt64>, of copy: HubFile, on number: Int, among fit: [Int]
    ) async throws -> OpenedRun? {
        do {
            let run = try await copy.open(range)
            // It would send the whole file for each run.
            if copy.comesWhole, range != 0..<copy.listed.size { throw Unfit() }
            return OpenedRun(run, watchedBy: Watch(self, number, of: range.count, among: fit))
        } catch {
            try Task.checkCancellation()
            if Mirrors.mayPass(error) { leave(number) } else { copy.giveUp() }
            return nil
        }
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
}
