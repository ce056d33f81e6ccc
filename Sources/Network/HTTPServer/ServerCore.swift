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
    /// Connections that are suspended: libmicrohttpd must not be stopped while there are any. Negative once it may be.
    private let suspended = Atomic(0)
    private let draining = Atomic(false)

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

    /// Not a child task: the client waits for it, through libmicrohttpd. Its connection is suspended.
    func work(_ body: @escaping @Sendable () async -> Void) {
        suspended.add(1, ordering: .acquiringAndReleasing)
        Task(executorPreference: pool) {
            await body()
            self.resumed()
        }
    }

    /// A connection is about to be suspended. The code that then has data for it resumes it. False when the server has ended:
    /// then it must not be.
    func suspend() -> Bool {
        var known = suspended.load(ordering: .acquiring)
        while known >= 0 {
            let (exchanged, original) = suspended.compareExchange(
                expected: known, desired: known + 1, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            known = original
        }
        return false
    }

    /// From a moment on in which no connection is suspended, none can be. False while one is.
    func endSuspending() -> Bool {
        suspended.compareExchange(expected: 0, desired: Int.min / 2, ordering: .acquiringAndReleasing).exchanged
    }

    func resumed() { suspended.subtract(1, ordering: .acquiringAndReleasing) }
}
