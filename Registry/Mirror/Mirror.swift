public import Model
public import Network
internal import Platform
internal import Remote
public import Storage
internal import Store
internal import Synchronization

/// What a server brings from another Hub for its clients: lists of files, and the files themselves, each once for all who
/// ask. What is kept of it is in the store; what a Hub listed is known as long as the process lives.
public final class Mirror: Sendable {
    public struct Settings: Sendable {
        public var upstream: Upstream
        public var http: HTTPSettings
        /// The server's own; for those alone who have a token of the server's.
        public var token: HubToken?
        /// For so long a branch or tag means what it meant when it was last asked for.
        public var revalidation = Duration.seconds(60)
        /// What a commit has does not change, but who may have it does: that is asked again after so long.
        public var accessLife = Duration.seconds(300)
        /// Nothing is asked of anybody.
        public var isOffline = false
        public var names = NameRules()
        /// What all models of the store may take at rest before some that were brought go again.
        public var quota: UInt64?
        /// So long a client waits for what the upstream has to say.
        public var patience = Duration.seconds(8)

        public init(upstream: HubRoutes, _ http: HTTPSettings) { self.init(.hub(upstream), http) }

        public init(_ upstream: Upstream, _ http: HTTPSettings) {
            self.upstream = upstream
            self.http = http
        }
    }

    /// Who asks: the token that it came with, and whether the server knows it by one of its own.
    public struct UpstreamIdentity: Sendable {
        let token: HubToken?
        let isTrusted: Bool

        public init(token: HubToken?, isTrusted: Bool = false) {
            self.token = token
            self.isTrusted = isTrusted
        }
    }

    /// A question that many may have at once.
    struct Question: Hashable {
        let repository: HubRepository
        let revision: String
        /// Whose answer it is, where that is not everybody's.
        let token: Digest?
    }

    struct Kept {
        let listing: HubListing
        let checked: ContinuousClock.Instant
        /// Until then its upstream, which did not answer, is left alone.
        var restsUntil: ContinuousClock.Instant?

        func isCurrent(for life: Duration) -> Bool {
            let now = ContinuousClock.now
            return now - checked < life || restsUntil.map { now < $0 } == true
        }
    }

    public let settings: Settings
    public let counts = Counts()
    let models: HubModels
    var store: LocalStore { models.store }
    let transfers: Transfers
    let uses = Uses()
    private let client: HTTPClient
    let admission = UpstreamAccess()
    let asking: SharedWork<Question, HubListing>
    /// So many files in all.
    let kept = BoundedCache<Question, Kept>(room: 1_000_000) { $0.listing.snapshot.files.count }
    let refused = BoundedCache<Question, (what: HubRefusal, until: ContinuousClock.Instant)>(room: 10_000)

    /// An upstream that did not answer is left alone for so long, where there is something to give instead.
    static let rest = Duration.seconds(5)

    /// Of each connection's bytes so many wait in memory: many files come at once, each over several.
    private static let buffered = 1 << 20

    /// `models` is what the store has.
    public init(_ models: HubModels, _ settings: Settings) throws(CakeError) {
        self.models = models
        self.settings = settings
        var http = settings.http
        http.bufferedBytes = Mirror.buffered
        client = try HTTPClient(http)
        transfers = Transfers(on: models.store.pool)
        asking = SharedWork("questions to the upstream", on: models.store.pool)
    }

    func source(_ routes: HubRoutes, _ token: HubToken?) -> HubSource {
        HubSource(routes, token: token, client: client, retry: .onceMore(orElse: Mirror.unreached), errors: .asSaid)
    }

    /// As whom a Hub is asked. What is open is not asked for with anybody's token: it may be an old one.
    func source(_ routes: HubRoutes, for asker: UpstreamIdentity, _ listing: HubListing) -> HubSource {
        source(routes, listing.isClosed ? asker.token ?? settings.token : settings.token)
    }

    private static let unreached = HubRefusal.upstream(502, "The upstream Hub cannot be reached")
    static let late = HubRefusal.upstream(504, "The upstream Hub takes long to answer", retryAfter: 5)
    static let offline = HubRefusal.upstream(
        503, "This server is offline, and does not have it", retryAfter: 600)
}

extension Mirror {
    /// What it did so far.
    public final class Counts: Sendable {
        public let asked = Count()
        public let transfers = Count()
        /// Askers who found a transfer under way.
        public let joined = Count()
        public let fetched = Count()
        /// Bytes that were given before their file was known to be right.
        public let unchecked = Count()
        public let wrong = Count()
        public let evicted = Count()
    }

    public final class Count: Sendable {
        private let number = Atomic<UInt64>(0)
        public var value: UInt64 { number.load(ordering: .relaxed) }
        public func add(_ more: UInt64) { number.add(more, ordering: .relaxed) }
    }
}
