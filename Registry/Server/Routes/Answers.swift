internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Synchronization
import Transfer

/// The answer to each request. Each kind of request has its own file.
struct Answers: Sendable {
    let registry: RegistryStore
    let settings: RegistryServer.Settings
    let metrics = Metrics()
    let hub: HubAnswers
    let visibility: Visibility
    let checker: BlobChecker
    let plainLayers: PlainLayers
    let views: ViewMaking
    let quotas: PushQuotas
    /// Nil without a schedule.
    let collection: ScheduledCollection?
    let sessions: Sessions
    let pool: BlockingPool
    private let state = State()
    /// Recent addresses of blobs: a client that reads one by ranges sends hundreds of requests with the same address.
    private let addresses = BoundedCache<String, KnownAddress>(room: 256)
    /// `Host` headers that were right.
    private let hosts = BoundedCache<String, Bool>(room: 64)
    private let limit: RequestLimit
    /// The host names that a request may use for this server, on loopback.
    private let ownNames: Set<String>
    let isLoopback: Bool

    private final class State: Sendable {
        let isStopping = Atomic(false)
    }

    init(
        _ registry: RegistryStore, _ settings: RegistryServer.Settings, pool: BlockingPool
    ) throws(CakeError) {
        self.registry = registry
        self.settings = settings
        limit = RequestLimit(settings.requestsPerSecond)
        isLoopback = settings.address.isLoopback
        ownNames = Set(["localhost", "127.0.0.1", "[::1]"] + settings.hostNames.map { $0.lowercased() })
        checker = BlobChecker(registry, on: pool)
        plainLayers = PlainLayers(registry, settings.temporaryBytes)
        views = ViewMaking(registry, on: pool)
        quotas = PushQuotas(registry, settings.quotas)
        collection = settings.collectionInterval.map {
            ScheduledCollection(registry, every: $0, on: pool, settings.onCollection)
        }
        sessions = Sessions(on: pool)
        self.pool = pool
        let models = HubModels(registry)
        visibility = Visibility(registry, models)
        hub = HubAnswers(
            models: models, visibility: visibility,
            mirror: try settings.mirror.map { found throws(CakeError) in try Mirror(models, found) },
            speaksTLS: settings.certificate != nil)
    }

    /// From now on this server is not ready for more.
    func stop() { state.isStopping.store(true, ordering: .releasing) }

    func intake(of request: ServerRequest) -> ServerIntake {
        var caller: Caller?
        var intake = intake(of: request, from: &caller)
        intake.token = caller?.token?.name
        return intake
    }

    private func intake(of request: ServerRequest, from sender: inout Caller?) -> ServerIntake {
        do throws(RegistryError) {
            try checkHost(request)
            let known = addresses[request.address]
            let target = known?.target ?? RequestTarget(request.address)
            if known == nil, let target, let health = health(target, request) { return health }
            if let intake = try peer(request) { return intake }
            guard limit.allows(request.client) else {
                throw RegistryError(429, .tooManyRequests, "too many requests: try again in a second")
            }
            let caller = try caller(of: request)
            sender = caller
            if let known, let reply = again(known, request, caller) { return .ready(reply) }
            if let target, PageRoute(target.parts, request) != nil {
                return page(Asked(request: request, target: target, caller: caller))
            }
            if let quantization = quantization(request, caller) { return quantization }
            if let known {
                return try intake(of: Asked(request: request, target: known.target, caller: caller), known.route)
            }
            if target?.parts.first != "v2", let intake = hub.intake(of: request, caller) { return intake }
            guard let target else {
                throw RegistryError(400, .nameInvalid, "this server does not understand the address")
            }
            if case .metrics = OperatingRoute(target.parts) { return try metrics(caller, request) }
            if let route = try CakeRoute(target.parts) {
                return try intake(of: Asked(request: request, target: target, caller: caller), route)
            }
            guard let route = try RegistryRoute(target.parts) else {
                throw RegistryError(404, .nameUnknown, "there is nothing at this address; a registry's begin with /v2/")
            }
            if case .blob(let repository, let name) = route {
                addresses[request.address] = KnownAddress(target, route, name, in: repository)
            }
            return try intake(of: Asked(request: request, target: target, caller: caller), route)
        } catch {
            return .refusal(ServerReply(error))
        }
    }

    /// A request and its address, read.
    struct Asked: Sendable {
        let request: ServerRequest
        let target: RequestTarget
        let caller: Caller

        var isRead: Bool { request.method == "GET" || request.method == "HEAD" }
    }

    private func intake(of asked: Asked, _ route: RegistryRoute) throws(RegistryError) -> ServerIntake {
        if !asked.isRead { try checkPush(asked.request) }
        try visibility.check(asked.caller, route, isRead: asked.isRead, allowsPush: settings.allowsPush)
        switch (route, asked.request.method) {
        case (.base, "GET"), (.base, "HEAD"): return .quick { ServerReply([:], [Answers.version]) }
        case (.blob(let repository, let name), "GET"): return quickBlob(name, in: repository, asked)
        case (.blob(let repository, let name), "HEAD"):
            return settings.allowsPush && visibility.takesPushes(to: repository, from: asked.caller)
                ? checkedBlob(name, in: repository, asked) : quickBlob(name, in: repository, asked)
        case (.blob(let repository, let name), "DELETE"):
            return patient { () throws(any Error) in try removeBlob(name, from: repository, asked) }
        case (.uploads(let repository), "POST"): return try beginUpload(to: repository, asked)
        case (.upload(let repository, let name), "GET"), (.upload(let repository, let name), "HEAD"):
            return patient { () throws(any Error) in try uploadStatus(name, to: repository) }
        case (.upload(let repository, let name), "PATCH"): return try appendToUpload(name, to: repository, asked)
        case (.upload(let repository, let name), "PUT"): return try finishUpload(name, to: repository, asked)
        case (.upload(let repository, let name), "DELETE"):
            return patient { () throws(any Error) in try cancelUpload(name, to: repository) }
        case (.manifest(let repository, let name), "GET"), (.manifest(let repository, let name), "HEAD"):
            return patient { () throws(any Error) in try await manifest(name, in: repository, asked) }
        case (.manifest(let repository, let name), "PUT"): return try putManifest(name, in: repository, asked)
        case (.manifest(let repository, let name), "DELETE"):
            return patient { () throws(any Error) in try removeManifest(name, from: repository) }
        case (.tags(let repository), "GET"), (.tags(let repository), "HEAD"):
            return patient { () throws(any Error) in try tags(of: repository, asked.target) }
        case (.referrers(let repository, let subject), "GET"), (.referrers(let repository, let subject), "HEAD"):
            return patient { () throws(any Error) in try referrers(of: subject, in: repository, asked) }
        case (.catalog, "GET"), (.catalog, "HEAD"): return patient { () throws(any Error) in try catalog(asked) }
        default:
            throw RegistryError(405, .unsupported, "\(asked.request.method.prefix(20)) is not allowed at this address")
        }
    }

    /// Clients from before the specification look for this.
    static let version = (name: "Docker-Distribution-API-Version", value: "registry/2.0")

    func patient(_ body: @escaping @Sendable () async throws -> ServerReply) -> ServerIntake {
        .patient {
            do {
                return try await body()
            } catch {
                return ServerReply(failure: error)
            }
        }
    }

    func answer(_ body: () throws -> ServerReply) -> ServerReply {
        do {
            return try body()
        } catch {
            return ServerReply(failure: error)
        }
    }

    private func caller(of request: ServerRequest) throws(RegistryError) -> Caller {
        let tokens: AccessTokens
        do {
            tokens = try registry.tokens()
        } catch {
            throw RegistryError(error)
        }
        return try Caller(request, tokens, letsAnybodyRead: settings.letsAnybodyRead)
    }

    /// llama.cpp's way in. A repository without GGUF files answers it as it answers others.
    private func quantization(_ request: ServerRequest, _ caller: Caller) -> ServerIntake? {
        guard let target = RequestTarget(request.address), HubAnswers.quantization(request, target) != nil else {
            return nil
        }
        return hub.intake(of: request, caller) { () async throws -> ServerReply? in
            guard let route = try RegistryRoute(target.parts), case .manifest(let repository, let name) = route else {
                return nil
            }
            try visibility.check(caller, route, isRead: true, allowsPush: settings.allowsPush)
            return try await manifest(
                name, in: repository, Asked(request: request, target: target, caller: caller))
        }
    }

    private func metrics(_ caller: Caller, _ request: ServerRequest) throws(RegistryError) -> ServerIntake {
        try caller.check(caller.mayAsk)
        guard request.method == "GET" || request.method == "HEAD" else {
            throw RegistryError(405, .unsupported, "metrics can only be read")
        }
        return patient {
            let text = metrics.text(
                freeBytes: try? registry.freeBytes(), isStopping: state.isStopping.load(ordering: .acquiring),
                mirror: hub.mirror, more: try operatingMetrics())
            return ServerReply(
                200, [("Content-Type", "text/plain; version=0.0.4; charset=utf-8")], .bytes(Array(text.utf8)))
        }
    }

    private func health(_ target: RequestTarget, _ request: ServerRequest) -> ServerIntake? {
        guard request.method == "GET" || request.method == "HEAD" else { return nil }
        switch OperatingRoute(target.parts) {
        case .health: return .quick { ServerReply(["status": "ok"]) }
        case .ready:
            return patient {
                // Asks the disk: an unmounted store is noticed.
                let isFull = try registry.freeBytes() < Answers.spare
                let isStopping = state.isStopping.load(ordering: .acquiring)
                let isCutOff = !registry.answers && settings.allowsPush
                guard isStopping || isCutOff || isFull && settings.allowsPush else {
                    return ServerReply(["status": "ok"])
                }
                let why: JSONValue = [
                    "status": isStopping
                        ? "stopping" : isCutOff ? "the storage does not answer" : "the disk is full"
                ]
                return ServerReply(503, [("Content-Type", "application/json")], .bytes(why.bytes(.compact)))
            }
        case .metrics, nil: return nil
        }
    }

    /// Kept free on the disk, for all other writes.
    static let spare: UInt64 = 64 << 20

    /// A web page may lead its reader's browser here under a name of its own. On loopback, where nothing else keeps
    /// others out, only this machine's names count.
    private func checkHost(_ request: ServerRequest) throws(RegistryError) {
        guard isLoopback else { return }
        let sent = request["host"] ?? ""
        if hosts[sent] == true { return }
        let host = sent.lowercased()
        // Up to the port, whose colon is the last, and after an IPv6 address's bracket.
        let colon = host.utf8.lastIndex(of: UInt8(ascii: ":"))
        let name = colon.map { host[$0...].utf8.contains(UInt8(ascii: "]")) ? host[...] : host[..<$0] } ?? host[...]
        guard ownNames.contains(String(name)) else {
            throw RegistryError(
                403, .denied, "this server answers to localhost; to give it another name, start it with --host-name",
                detail: String(name.prefix(100)))
        }
        hosts[sent] = true
    }

    private func checkPush(_ request: ServerRequest) throws(RegistryError) {
        guard settings.allowsPush else {
            throw RegistryError(405, .unsupported, "this server is read-only; start it with --push to allow pushes")
        }
        // Only browsers send it, for a page that means to write here.
        guard request["origin"] == nil else { throw RegistryError(403, .denied, "web pages may not push") }
    }
}
