import Model
import Network
import Platform
import Remote
internal import Storage
import Store

/// Object storage that a server answers from, as it is typed.
struct StorageOptions: Sendable {
    let place: S3Place
    /// Whether clients get blobs from the storage itself.
    let redirects: Bool
    private let endpoint: String?
    private let room: UInt64

    private static let storage = Option(
        "storage", "s3://BUCKET/PREFIX",
        "serve from object storage instead of the store; several servers may serve from one place",
        read: { text throws(CakeError) in try S3Place(text) })
    private static let cache = Option(
        "cache", "SIZE", "with --storage: so much of it is kept on this disk (default 10GB)", read: Quantities.readBytes
    )
    private static let noRedirect = Flag(
        "no-redirect", "with --storage: send its bytes through this server, instead of sending clients there")

    static let forms = [storage.form, RegistryOptions.endpoint.form, cache.form, noRedirect.form]

    private static let usualRoom: UInt64 = 10_000_000_000

    /// Nil when the store is served.
    init?(_ arguments: Arguments) throws(CakeError) {
        endpoint = try arguments.value(of: RegistryOptions.endpoint)
        let room = try arguments.value(of: Self.cache)
        redirects = !arguments.has(Self.noRedirect)
        guard let place = try arguments.value(of: Self.storage) else {
            guard endpoint == nil, room == nil, redirects else {
                throw CakeError(
                    .usage, "--s3-endpoint, --cache and --no-redirect are for --storage",
                    fix: "add --storage s3://BUCKET/PREFIX, or leave them out")
            }
            return nil
        }
        self.place = place
        self.room = room ?? Self.usualRoom
    }

    /// Throws for what a server has only with a store.
    func refuse(
        views: ShapeViews, _ mirror: MirrorOptions?, _ operating: OperatingOptions
    ) throws(CakeError) {
        try operating.checkCollection()
        let option = mirror?.needsStore ?? (views.isEmpty ? operating.needsStore : "--views")
        guard let option else { return }
        throw CakeError(
            .usage, "\(option) needs a store, and with --storage there is none",
            fix: "leave out \(option), or serve the store without --storage")
    }

    /// The registry, when the storage has answered.
    func registry(in session: Session, pool: BlockingPool, letsAnybodyRead: Bool = false) async throws -> RegistryStore
    {
        let storage = try await session.settings.storage(at: place, endpoint: endpoint, for: "cake serve --storage")
        return try RegistryStore(
            in: storage, cachedIn: session.settings.serverCache(), room: room, pool: pool,
            letsAnybodyRead: letsAnybodyRead)
    }
}

extension Settings {
    /// Object storage that has answered.
    func storage(at place: S3Place, endpoint: String?, for purpose: String) async throws -> S3Storage {
        try needNetwork(for: purpose)
        let client = S3Client(try S3Settings(environment, endpoint: endpoint), client: try HTTPClient(http))
        let storage = S3Storage(S3Bucket(place, client))
        try await storage.check()
        return storage
    }

    /// A folder for what a server can bring again.
    fileprivate func serverCache() throws(CakeError) -> String {
        if let cache = environment["XDG_CACHE_HOME"], cache.hasPrefix("/") { return cache + "/cake/serve" }
        guard let home = environment["HOME"], home.hasPrefix("/") else {
            throw CakeError(
                .usage, "there is no folder for the cache: HOME is not set", fix: "set XDG_CACHE_HOME to a folder")
        }
        return home + "/.cache/cake/serve"
    }
}
