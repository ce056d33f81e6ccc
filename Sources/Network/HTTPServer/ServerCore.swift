internal import Platform
internal import Synchronization

/// The state that the threads of a server share.
final class ServerCore: Sendable {
    let limits: ServerLimits
    let clients: ServerClients
    /// HTTP without TLS.
    let speaksPlain: Bool
    /// Bodies in memory, in both directions.
    let memory: Budget
    let log: @Sendable (ServerRecord) -> Void
    private let handler: @Sendable (ServerRequest) -> ServerIntake
    private let pool: BlockingPool
    /// Requests that have begun and not ended.
    private let active = Atomic(0)
    /// Connections that are suspended: libmicrohttpd must not be stopped while there are any.
    private let suspended = Atomic(0)
    private let draining = Atomic(false)
    private let ended = Atomic(false)

    init(
        _ limits: ServerLimits, _ pool: BlockingPool, speaksPlain: Bool,
        _ handler: @escaping @Sendable (ServerRequest) -> ServerIntake,
        log: @escaping @Sendable (ServerRecord) -> Void
    ) {
        self.limits = limits
        self.pool = pool
        self.speaksPlain = speaksPlain
        self.handler = handler
        self.log = log
        clients = ServerClients(limits)
        memory = Budget(limits.heldBytes, share: limits.heldBytesPerClient)
    }

    var isDraining: Bool { draining.load(ordering: .acquiring) }
    var isIdle: Bool { openRequests == 0 }
    var openRequests: Int { active.load(ordering: .acquiring) }
    var isWorking: Bool { suspended.load(ordering: .sequentiallyConsistent) > 0 }

    /// False when it was draining before.
    func drain() -> Bool { !draining.exchange(true, ordering: .acquiringAndReleasing) }

    func begin() { active.add(1, ordering: .acquiringAndReleasing) }

    func end() { active.subtract(1, ordering: .acquiringAndReleasing) }

    /// A body whose length is not certain is refused: two readers of it might disagree.
    func intake(of request: ServerRequest) -> ServerIntake {
        let lengths = request.count(of: "content-length")
        let isDoubtful =
            lengths > 1 || lengths == 1 && request["transfer-encoding"] != nil
            || request.count(of: "transfer-encoding") > 1
            || request["content-length"].map { value in value.isEmpty || !value.utf8.allSatisfy { $0 &- 0x30 < 10 } }
                == true
            || request.count(of: "host") > 1
        if isDoubtful { return .refusal(ServerReply(400, [("Connection", "close")])) }
        let size = request.headers.reduce(request.address.utf8.count) {
            $0 + $1.name.utf8.count + $1.value.utf8.count + 4
        }
        guard size <= limits.headBytes else { return .refusal(ServerReply(431, [("Connection", "close")])) }
        return handler(request)
    }

    /// Not a child task: the client waits for it, through libmicrohttpd.
    func work(_ body: @escaping @Sendable () async -> Void) {
        suspended.add(1, ordering: .sequentiallyConsistent)
        Task(executorPreference: pool) {
            await body()
            self.resumed()
        }
    }

    /// A connection is about to be suspended. The code that then has data for it resumes it. False when the server ends: a
    /// connection that slept now would never be woken.
    func suspend() -> Bool {
        suspended.add(1, ordering: .sequentiallyConsistent)
        guard ended.load(ordering: .sequentiallyConsistent) else { return true }
        resumed()
        return false
    }

    func resumed() { suspended.subtract(1, ordering: .sequentiallyConsistent) }

    /// No connection is suspended from now on.
    func endSuspending() { ended.store(true, ordering: .sequentiallyConsistent) }
}
