internal import Glibc
internal import Synchronization

/// The Hub's protocol on 127.0.0.1, from a folder of repositories (see `Catalog`), with a second origin for large files
/// like the real one. It logs its requests, and misbehaves on command.
public final class Hub: Sendable {
    public let settings: HubSettings
    let catalog: Catalog
    let log = Log()
    let signed: SignedURLs
    let quotas = Quotas()
    let xorbs: Xorbs
    let xetTokens: XetTokens
    private let numbers = Numbers()
    private let rules = Mutex(Rules())
    private let relays = Mutex<[Place: String]>([:])
    private let origins = Mutex<[Place: Origin]>([:])
    /// What stalled answers look at; the last one is for those that are still to stall.
    private let gates: Mutex<[Gate]>

    public init(serving folder: String, _ settings: HubSettings = HubSettings()) throws {
        guard case .folder = Folder.kind(folder) else { throw HubError("\(folder) is no folder") }
        // A client that leaves is no reason to end.
        signal(SIGPIPE, SIG_IGN)
        self.settings = settings
        catalog = Catalog(root: folder, digests: Digests(settings))
        signed = SignedURLs(seconds: settings.signedURLSeconds)
        xorbs = Xorbs(settings)
        xetTokens = XetTokens(seconds: settings.xetTokenSeconds)
        gates = Mutex([Gate()])
        for (place, port) in [(Place.hub, settings.port), (.cdn, settings.cdnPort)] {
            let origin = try listen(at: place, port)
            origins.withLock { $0[place] = origin }
        }
    }

    private func listen(at place: Place, _ port: UInt16) throws -> Origin {
        try Origin(port: port, sendBuffer: settings.sendBuffer, numbers: numbers) { [weak self] connection in
            self?.serve(connection, place)
        }
    }

    deinit {
        for origin in origins.withLock({ $0.values.map { $0 } }) { origin.stop(waiting: false) }
    }

    // Where it is.

    /// For `HF_ENDPOINT`.
    public var endpoint: String { "http://127.0.0.1:\(port(.hub))" }
    public var cdn: String {
        relays.withLock { $0[.cdn] } ?? settings.cdnBase ?? "http://\(settings.cdnHost):\(port(.cdn))"
    }
    /// The Xet server, which begins to listen when it is first asked for.
    public func cas() throws -> String {
        let origin = try origins.withLock { origins in
            let origin = try origins[.cas] ?? listen(at: .cas, settings.casPort)
            origins[.cas] = origin
            return origin
        }
        return relays.withLock { $0[.cas] } ?? "http://127.0.0.1:\(origin.port)"
    }
    public func port(_ place: Place) -> UInt16 { origin(place)?.port ?? 0 }

    /// From now on addresses there begin with this: a relay that was told where the hub is can be known only afterwards.
    public func sendToRelay(_ base: String, for place: Place = .cdn) { relays.withLock { $0[place] = base } }

    // Its requests.

    public var requests: [HubRequest] { log.requests }
    public func forgetRequests() { log.forget() }

    /// Bytes of body that sockets took, of requests that match.
    public func sent(_ match: Match = .anything) -> UInt64 {
        requests.filter { match.fits($0) }.reduce(0) { $0 + $1.sent }
    }

    public func count(_ match: Match = .anything) -> Int { requests.count { match.fits($0) } }

    /// Returns when the requests are as wanted: at once, or after one of them begins, stalls or ends.
    @discardableResult
    public func wait(until condition: @escaping @Sendable ([HubRequest]) -> Bool) async -> [HubRequest] {
        await log.wait(condition)
    }

    /// Called by the hub's threads when an answer has ended.
    public func onEnd(_ body: @escaping @Sendable (HubRequest) -> Void) { log.listen(body) }

    // Its faults.

    /// Returns a number for `behave`.
    @discardableResult
    public func misbehave(_ acts: Misbehaviour..., when match: Match = .anything) -> Int {
        misbehave(acts, when: match)
    }

    @discardableResult
    public func misbehave(_ acts: [Misbehaviour], when match: Match) -> Int { rules.withLock { $0.add(acts, match) } }

    /// Ends one misbehaviour, or all.
    public func behave(_ number: Int? = nil) { rules.withLock { $0.remove(number) } }

    /// Lets every answer go on that is stalled now.
    public func release() {
        gates.withLock { gates in
            gates.last?.open()
            gates.append(Gate())
        }
    }

    /// Signed URLs handed out so far are answered with 403.
    public func expireSignedURLs() { signed.expire() }

    /// Tokens for the Xet server handed out so far are answered with 401.
    public func expireXetTokens() { xetTokens.expire() }

    /// Once so many more connections are taken, the port is closed.
    public func refuseConnections(at place: Place = .hub, after count: Int = 0) { origin(place)?.refuse(after: count) }

    public func acceptConnections(at place: Place = .hub) throws { try origin(place)?.acceptAgain() }

    /// Closes both ports and every connection. Returns when no thread is left.
    public func stop() { for origin in origins.withLock({ $0.values.map { $0 } }) { origin.stop(waiting: true) } }

    /// Computes the digests of all files, before a client waits for them.
    public func readAll() {
        for kind in [Repository.Kind.models, .datasets, .spaces] {
            for repository in catalog.all(kind) {
                for revision in repository.revisions {
                    let files = repository.snapshot(revision, catalog.digests)?.files ?? []
                    for file in files { _ = xetHash(file, repository) }
                }
            }
        }
    }

    private func origin(_ place: Place) -> Origin? { origins.withLock { $0[place] } }

    /// The one that `release` opens next.
    var gate: Gate { gates.withLock { $0[$0.count - 1] } }

    func acts(for request: HubRequest) -> [Misbehaviour] { rules.withLock { $0.acts(for: request) } }
}

/// A pipe that ends when the gate is opened: threads can wait for that and for their client at once.
final class Gate: Sendable {
    let descriptor: Int32
    private let other: Mutex<Int32>

    init() {
        var ends: [Int32] = [-1, -1]
        unsafe pipe(&ends)
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        descriptor = ends[0]
        other = Mutex(ends[1])
    }

    func open() {
        other.withLock { other in
            if other >= 0 { close(other) }
            other = -1
        }
    }

    deinit {
        open()
        close(descriptor)
    }
}
