public import Model
internal import Network
internal import Platform
internal import Remote
internal import Synchronization

/// The other servers of a ring: who they are, and which of them answer.
public final class Peers: Sendable {
    public struct Settings: Sendable {
        public var list: PeerList
        public var secret: PeerSecret
        /// A server that sends nothing for so long is passed over.
        public var patience = Duration.seconds(1)
        /// So long a server is waited for that waits for the upstream itself.
        public var longestWait = Duration.seconds(8)
        /// The name is resolved, and every server asked whether it is there, after this time; sooner while one is not.
        public var refresh = Duration.seconds(5)
        public var refreshWhileOneIsMissing = Duration.seconds(1)
        /// Lines for the operator.
        public var says: @Sendable (String) -> Void = { _ in }
        /// The addresses of a name.
        package var lookUp: @Sendable (Host) throws -> [String] = { try HostLookup.addresses(of: $0) }
        /// Tests learn their servers' ports when these have begun.
        package var listed: (@Sendable () -> PeerList)?

        public init(_ list: PeerList, _ secret: PeerSecret) { (self.list, self.secret) = (list, secret) }
    }

    private struct State {
        var servers: [PeerServer] = []
        var isKnown = false
        var due = ContinuousClock.now
        var complaint: String?
    }

    public let settings: Settings
    /// This server's name for one run: in an answer to its own question it finds itself.
    public let own: String
    private let client: HTTPClient
    private let state = Mutex(State())
    private let rounds: SharedWork<Int, Void>
    private let looks: BackgroundWork

    init(_ settings: Settings, _ http: HTTPSettings, on pool: BlockingPool) throws(CakeError) {
        self.settings = settings
        var random = SystemRandomNumberGenerator()
        own = (0..<2).map { _ in String(random.next() as UInt64, radix: 16) }.joined(separator: "-")
        var http = http
        // They are near, and the secret is for them alone.
        http.proxies = ProxyRule([:])
        client = try HTTPClient(http)
        rounds = SharedWork("questions to peers", on: pool)
        looks = BackgroundWork("looks at peers", on: pool)
    }

    /// To be called now and then.
    func look() {
        let isDue = state.withLock { state in
            guard state.due <= .now else { return false }
            state.due = .now + settings.refresh
            return true
        }
        if isDue { looks.start { try? await self.rounds.value(for: 0) { await self.round() } } }
    }

    /// The servers that are asked for a file before the upstream is: those before this one in the file's order. A loop
    /// of servers is impossible then.
    func before(_ key: String) async -> [PeerServer] {
        if !state.withLock({ $0.isKnown }) {
            // Without them the upstream is asked.
            let limit = settings.patience * 2
            try? await rounds.value(for: 0, within: limit, orElse: CancellationError()) { await self.round() }
        }
        let servers = state.withLock { $0.servers }
        let order = PeerRing.order(servers.map { $0.origin.authority }, for: key).map { servers[$0] }
        return Array(order.prefix { !$0.isOwn })
    }

    /// How many of the others answer.
    public var answering: Int { state.withLock { $0.servers.count { $0.answers } } }

    /// Looks for the servers now.
    package func meet() async {
        await settle()
        await round()
    }

    func stop() async { await looks.cancel() }

    package func settle() async {
        await looks.settle()
        await rounds.settle()
    }

    /// Finds the servers, and asks each of them which one it is.
    private func round() async {
        let (old, isFirst) = state.withLock { ($0.servers, !$0.isKnown) }
        var servers = old
        do {
            servers = try origins().map { origin in
                try old.first { $0.origin == origin }
                    ?? PeerServer(origin, secret: settings.secret.token, client: client, says: settings.says)
            }
            complain(servers.isEmpty ? "\(settings.list) has no address" : nil)
        } catch {
            complain((error as? CakeError)?.what ?? "\(error)")
        }
        await withTaskGroup(of: Void.self) { group in
            for server in servers {
                group.addTask { await server.greet(knowing: self.own, within: self.settings.patience) }
            }
        }
        let found = servers
        let isWhole = found.allSatisfy { $0.answers || $0.isOwn }
        state.withLock { state in
            (state.servers, state.isKnown) = (found, true)
            state.due = .now + (isWhole ? settings.refresh : settings.refreshWhileOneIsMissing)
        }
        if isFirst, servers.count == 1, servers[0].isOwn { settings.says("the ring has no server but this one") }
    }

    private func origins() throws -> [Origin] {
        switch settings.listed?() ?? settings.list {
        case .servers(let servers): servers
        case .name(let host, let port): PeerList.servers(try settings.lookUp(host), port: port)
        }
    }

    /// Once for each trouble.
    private func complain(_ what: String?) {
        let isNew = state.withLock { state in
            defer { state.complaint = what }
            return state.complaint != what
        }
        if isNew, let what { settings.says("--peers: \(what); the servers known before are asked") }
    }
}
