package import Model
package import Network
internal import Platform
internal import Synchronization

/// Another server of a ring: it has a file, or downloads it from the upstream when it is asked. It is not trusted.
package final class PeerServer: Sendable {
    private enum Standing: Hashable {
        case notAsked
        case answers
        /// This server itself, by its address for others.
        case own
        /// Not used until it answers again.
        case passedOver
    }

    private struct State {
        var standing = Standing.notAsked
        /// Transfers in a row that were given to another server.
        var failures = 0
        var restsUntil: ContinuousClock.Instant?
    }

    /// After a transfer that failed; twice as long after the next.
    private static let rest = Duration.seconds(5)
    private static let mostDoubled = 4

    package let origin: Origin
    let source: HubSource
    private let state = Mutex(State())
    private let received = Atomic<UInt64>(0)
    private let says: @Sendable (String) -> Void

    /// `says` gets a line for the operator when it stops answering, and when it answers again.
    package init(
        _ origin: Origin, secret: HubToken, client: HTTPClient, says: @escaping @Sendable (String) -> Void
    ) throws(CakeError) {
        self.origin = origin
        self.says = says
        source = HubSource(
            try HubRoutes(endpoint: "\(origin)\(PeerRoute.prefix)"), token: secret, client: client,
            retry: .onceMore(orElse: PeerServer.silent), errors: .asSaid)
    }

    /// Bytes of files that it sent, in all runs.
    var bytes: UInt64 { received.load(ordering: .relaxed) }

    func came(_ count: Int) { received.add(UInt64(count), ordering: .relaxed) }

    package var answers: Bool { state.withLock { $0.standing == .answers } }

    package var isOwn: Bool { state.withLock { $0.standing == .own } }

    /// Asks which server it is, and learns whether it answers.
    package func greet(knowing own: String, within patience: Duration) async {
        do {
            let name = try await within(patience, orElse: PeerServer.silent) {
                let url = try WebURL("\(self.origin)\(PeerRoute.prefix)")
                let body = try await self.source.document(at: url, self.question, limit: PeerServer.longestAnswer).body
                return try JSONValue(parsing: body.span)["server"]?.string
            }
            guard let name else { return become(.passedOver, "it is another program") }
            become(name == own ? .own : .answers)
        } catch {
            if Task.isCancelled { return }
            become(.passedOver, PeerServer.words(for: error))
        }
    }

    /// A transfer goes on at another server. It is not asked for a while.
    func failed(_ why: String) {
        state.withLock { state in
            let factor = 1 << min(state.failures, PeerServer.mostDoubled)
            state.failures += 1
            state.restsUntil = .now + PeerServer.rest * factor
        }
        become(.passedOver, why)
    }

    /// It sent all of a run.
    func succeeded() { state.withLock { $0.failures = 0 } }

    private func become(_ new: Standing, _ why: String = "") {
        let old = state.withLock { state in
            let old = state.standing
            let rests = state.restsUntil.map { .now < $0 } ?? false
            if new != .answers || !rests { state.standing = new }
            return state.standing == old ? nil : old
        }
        guard let old else { return }
        if new == .passedOver { says("peer \(origin.authority) is passed over: \(why)") }
        if old == .passedOver, new == .answers { says("peer \(origin.authority) answers again") }
    }

    static func words(for error: any Error) -> String {
        switch error {
        case let refusal as HubRefusal where [401, 403].contains(refusal.status):
            "it does not accept this server's secret"
        case let refusal as HubRefusal where refusal.status == 404: "it has no --peers"
        case let refusal as HubRefusal: "it answers \(refusal.status)"
        case let failure as TransientFailure: failure.error.what
        case let error as CakeError: error.what
        default: "it does not answer"
        }
    }

    /// Why nothing comes.
    enum Reason {
        /// It waits itself for that byte of a file, which it downloads: the upstream is slow.
        case waits
        /// It sends, to this server or to others: its line is full.
        case sends
        /// It says neither.
        case unknown
        /// It does not answer.
        case silent
    }

    func reason(_ position: UInt64, of file: SnapshotFile, in snapshot: Snapshot, within patience: Duration) async
        -> Reason
    {
        let url = source.routes.file(file.path, of: snapshot.repository, at: snapshot.commit)
        let answer = try? await within(patience, orElse: PeerServer.silent) {
            let asked = try WebURL("\(url.text)?\(PeerRoute.position)=\(position)")
            let body = try await self.source.document(at: asked, self.question, limit: PeerServer.longestAnswer).body
            return try JSONValue(parsing: body.span)
        }
        guard let answer else { return .silent }
        if answer[PeerRoute.position] == true { return .waits }
        return answer[PeerRoute.sends] == true ? .sends : .unknown
    }

    private var question: HubQuestion { source.question(nil, nil) }

    private static let longestAnswer = 4096
    static let silent = CakeError(.network, "it does not answer")
}
