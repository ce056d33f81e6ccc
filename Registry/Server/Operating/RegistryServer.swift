public import Mirror
public import Model
public import Network
public import Platform
public import Storage
public import Store
public import Transfer

/// An OCI registry over a store, or over another storage: the server of `cake serve`.
public final class RegistryServer: Sendable {
    public struct Settings: Sendable {
        public var address = ListenAddress.standard
        /// Whether clients may change anything.
        public var allowsPush = false
        /// Host names that a request may use, beside those of this machine. Checked on loopback only.
        public var hostNames: [String] = []
        public var limits = ServerLimits()
        /// A blob of more bytes is refused.
        public var largestBlob: UInt64 = 1 << 40
        /// Reading needs no token, although there are tokens.
        public var letsAnybodyRead = false
        /// The limit on a client's requests a second; 0 for no limit.
        public var requestsPerSecond = 0
        public var certificate: ServerCertificate?
        /// An upload without new bytes for this long is removed.
        public var uploadLife = Duration.seconds(24 * 3600)
        /// A whole blob that was not checked for so long is checked as it is sent.
        public var recheck = Duration.seconds(24 * 3600)
        /// How long a client that may push waits for the first check of a blob.
        public var checkPatience = Duration.seconds(10)
        /// Of files that are made to be sent and have no name, all of them together.
        public var temporaryBytes: UInt64 = 8 << 30
        /// What a pushed model needs to get a tag.
        public var gate = SignatureGate.open
        /// The shapes of other tools in which the store's models are shown too.
        public var views = ShapeViews.off
        /// The most bytes that pushes may bring.
        public var quotas: [RegistryQuota] = []
        /// How often the server collects; nil for never.
        public var collectionInterval: Duration?
        public var onCollection: @Sendable (Collection) -> Void = { _ in }
        /// Notes the use of a token; false if that failed.
        public var audit: (@Sendable (ServerRecord) -> Bool)?
        /// Whether clients get blobs of another storage from there, if it gives them an address.
        public var redirects = true
        /// The upstream for missing models of the Hub's clients.
        public var mirror: Mirror.Settings?

        public init() {}
    }

    private let server: HTTPServer
    private let answers: Answers
    public let address: ListenAddress
    /// For the operator, when the server starts.
    public let notes: [String]

    /// `pool` is where answers wait for the disk. `meanwhile` is called a few times a second.
    public convenience init(
        _ store: LocalStore, _ settings: Settings, pool: BlockingPool,
        log: @escaping @Sendable (ServerRecord) -> Void = { _ in }, meanwhile: @escaping @Sendable () -> Void = {}
    ) throws(CakeError) {
        guard !settings.allowsPush || store.isWritable else {
            throw CakeError(
                .failed,
                "the store \(Printable.escape(store.layout.root)) is not writable, and nothing can be pushed",
                fix: "leave out --push, or check the owner of the folder")
        }
        guard settings.views.isEmpty || store.isWritable else {
            throw CakeError(
                .failed,
                "the store \(Printable.escape(store.layout.root)) is not writable, and views need digests that are kept in it",
                fix: "leave out --views, or check the owner of the folder")
        }
        guard settings.collectionInterval == nil || store.isWritable else {
            throw CakeError(
                .failed,
                "the store \(Printable.escape(store.layout.root)) is not writable, and nothing can be freed in it",
                fix: "leave out --gc-every, or check the owner of the folder")
        }
        guard settings.mirror == nil || store.isWritable else {
            throw CakeError(
                .failed,
                "the store \(Printable.escape(store.layout.root)) is not writable, and nothing can be downloaded into it",
                fix: "leave out --upstream, or check the owner of the folder")
        }
        try self.init(
            RegistryStore(store, letsAnybodyRead: settings.letsAnybodyRead, views: settings.views), settings,
            pool: pool, log: log, meanwhile: meanwhile)
    }

    /// A registry in another storage: `settings` name no views then. Many answers wait for the storage at once: the
    /// pool has more threads for it.
    public init(
        _ registry: RegistryStore, _ settings: Settings, pool: BlockingPool,
        log: @escaping @Sendable (ServerRecord) -> Void = { _ in }, meanwhile: @escaping @Sendable () -> Void = {}
    ) throws(CakeError) {
        let isOpen = settings.allowsPush && !settings.address.isLoopback
        let tokens = try registry.tokens()
        guard !isOpen || tokens.allowsPush else {
            throw CakeError(
                .usage,
                "\(settings.address) is open to other machines, and all of them could push: there is no token",
                fix:
                    "make a token with cake serve token add NAME --push='*'\(registry.isDistant ? " --storage …" : ""), "
                    + "or leave out --push")
        }
        notes = try registry.settleNames()
        let answers = try Answers(registry, settings, pool: pool)
        if settings.allowsPush { try answers.registry.expire(settings.uploadLife) }
        self.answers = answers
        let metrics = answers.metrics
        server = try HTTPServer(
            settings.address, settings.limits, settings.certificate, pool: pool,
            log: { record in
                metrics.add(record)
                if settings.audit?(record) == false { metrics.addUnaudited() }
                log(record)
            },
            meanwhile: {
                answers.registry.closeIdle()
                answers.registry.refreshTokens()
                answers.views.look()
                answers.collection?.look()
                answers.hub.mirror?.look()
                meanwhile()
            }, { answers.intake(of: $0) })
        address = ListenAddress(host: settings.address.host, port: server.port)
    }

    /// New connections are met with this certificate; those that are open go on as they were.
    public func replace(_ certificate: ServerCertificate) throws(CakeError) { try server.replace(certificate) }

    /// Returns when running transfers have ended.
    package func settle() async {
        await answers.hub.mirror?.settle()
        await answers.views.settle()
        await answers.collection?.settle()
        await answers.checker.settle()
        await answers.plainLayers.settle()
        await answers.sessions.settle()
    }

    /// Looks for the other servers of the ring now.
    package func meetPeers() async { await answers.hub.mirror?.peers?.meet() }

    /// Bytes of files without a name that answers read.
    package var temporaryBytes: UInt64 { answers.plainLayers.heldBytes }

    /// How many requests are not answered yet.
    public var openRequests: Int { server.openRequests }

    /// Accepts no more connections, and returns when open requests are answered, or the time is over.
    public func drain(within time: Duration) async {
        answers.stop()
        server.drain()
        let deadline = ContinuousClock.now + time
        // Not a child task: it drains also when the caller is cancelled.
        await Task { [answers] in
            while !server.isIdle, ContinuousClock.now < deadline { try? await Task.sleep(for: .milliseconds(10)) }
            await answers.hub.mirror?.stop()
            await answers.views.stop()
            await answers.sessions.settle()
        }.value
    }
}
