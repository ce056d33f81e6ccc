public import Model
public import Network
internal import Platform
internal import Remote
public import Storage
internal import Store
internal import Synchronization
public import Transfer

/// Downloads of a server from another Hub for its clients: lists of files, and the files themselves, each once for all
/// clients. Files are kept in the store; listings are kept as long as the process lives.
public final class Mirror: Sendable {
    public struct Settings: Sendable {
        public var upstream: Upstream
        public var http: HTTPSettings
        /// The server's own token for the upstream; only for clients with a token of this server.
        public var token: HubToken?
        /// How long a branch or tag keeps its commit before the upstream is asked again.
        public var revalidation = Duration.seconds(60)
        /// The content of a commit does not change, but access to it does: the upstream is asked again after this time.
        public var accessLife = Duration.seconds(300)
        /// The upstream is never asked.
        public var isOffline = false
        public var names = NameRules()
        /// A mirror passes bytes on before it has all files: none of a model that has to be signed.
        public var gate = SignatureGate.open
        /// The limit on the stored bytes of all models before downloaded ones are evicted.
        public var quota: UInt64?
        /// How long a client waits for the upstream's answer.
        public var patience = Duration.seconds(8)
        /// So often servers over one storage look for each other.
        public var look = Duration.seconds(1)
        /// A line for the operator.
        public var says: @Sendable (String) -> Void = { _ in }
        /// Servers that download from a Hub for each other.
        public var peers: Peers.Settings?

        public init(upstream: HubRoutes, _ http: HTTPSettings) { self.init(.hub(upstream), http) }

        public init(_ upstream: Upstream, _ http: HTTPSettings) {
            self.upstream = upstream
            self.http = http
        }
    }

    /// The caller: the token that it sent, and whether the server knows it by one of its own.
    public struct UpstreamIdentity: Sendable {
        let token: HubToken?
        let isTrusted: Bool

        public init(token: HubToken?, isTrusted: Bool = false) {
            self.token = token
            self.isTrusted = isTrusted
        }
    }

    /// A question that many clients may have at once.
    struct Question: Hashable {
        let repository: HubRepository
        let revision: String
        /// The token that the answer is for, if it is not for everyone.
        let token: Digest?
    }

    struct Kept {
        let listing: HubListing
        let checked: ContinuousClock.Instant
        /// Until then the failed upstream is not asked.
        var restsUntil: ContinuousClock.Instant?

        func isCurrent(for life: Duration) -> Bool {
            let now = ContinuousClock.now
            return now - checked < life || restsUntil.map { now < $0 } == true
        }
    }

    public let settings: Settings
    public let counts = Counts()
    public let sending = Sending()
    public let peers: Peers?
    let models: HubModels
    var store: LocalStore { models.store }
    let transfers: Transfers
    let questions = PeerQuestions()
    let readersFirst = ReadersFirst()
    let publishing: Publishing
    /// What the upstream said last.
    let closed = BoundedCache<HubRepository, Bool>(room: 100_000)
    let uses = Uses()
    private let client: HTTPClient
    let admission = UpstreamAccess()
    let asking: SharedWork<Question, HubListing>
    /// So many files in all.
    let kept = BoundedCache<Question, Kept>(room: 1_000_000) { $0.listing.snapshot.files.count }
    let refused = BoundedCache<Question, (what: HubRefusal, until: ContinuousClock.Instant)>(room: 10_000)

    /// A failed upstream is not asked for this long, if there is something to serve instead.
    static let rest = Duration.seconds(5)

    /// The memory for the bytes of each connection: many files come at once, each over several connections.
    private static let buffered = 1 << 20

    /// `models` are the store's models.
    public init(_ models: HubModels, _ settings: Settings) throws(CakeError) {
        self.models = models
        self.settings = settings
        var http = settings.http
        http.bufferedBytes = Mirror.buffered
        client = try HTTPClient(http)
        peers = try settings.peers.map { found throws(CakeError) in try Peers(found, http, on: models.store.pool) }
        transfers = Transfers(on: models.store.pool)
        publishing = Publishing(on: models.store.pool)
        if models.isDistant { for named in try models.store.names() { publishing.later(named.name) } }
        asking = SharedWork("questions to the upstream", on: models.store.pool)
    }

    func source(_ routes: HubRoutes, _ token: HubToken?) -> HubSource {
        HubSource(routes, token: token, client: client, retry: .onceMore(orElse: Mirror.unreached), errors: .asSaid)
    }

    /// The credentials for a Hub. An open model is requested without a client's token: it may be an old one.
    func source(_ routes: HubRoutes, for asker: UpstreamIdentity, _ listing: HubListing) -> HubSource {
        source(routes, listing.isClosed ? asker.token ?? settings.token : settings.token)
    }

    private static let unreached = HubRefusal.upstream(502, "The upstream Hub cannot be reached")
    static let late = HubRefusal.upstream(504, "The upstream Hub takes too long to answer", retryAfter: 5)
    static let offline = HubRefusal.upstream(
        503, "This server is offline, and does not have it", retryAfter: 600)
}

extension Mirror {
    /// Counters since the start.
    public final class Counts: Sendable {
        public let asked = Count()
        public let transfers = Count()
        /// Requests that joined a running transfer.
        public let joined = Count()
        public let fetched = Count()
        /// Bytes that were sent before their file was verified.
        public let unchecked = Count()
        public let wrong = Count()
        /// Bytes that peers sent.
        public let fromPeers = Count()
        /// Bytes that came from other servers through the storage.
        public let relayed = Count()
        /// Files for which a peer was asked and another server was used.
        public let passedOver = Count()
        public let evicted = Count()
    }

    public final class Count: Sendable {
        private let number = Atomic<UInt64>(0)
        public var value: UInt64 { number.load(ordering: .relaxed) }
        public func add(_ more: UInt64) { number.add(more, ordering: .relaxed) }
    }
}
