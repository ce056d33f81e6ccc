internal import Model
public import Platform

/// A client's request to this server, up to its body.
public struct ServerRequest: Sendable {
    public let method: String
    /// Path and query as they were sent.
    public let address: String
    /// Names in lower case.
    public let headers: [(name: String, value: String)]
    /// The address it came from.
    public let client: String

    public init(method: String, address: String, headers: [(name: String, value: String)], client: String = "") {
        self.method = method
        self.address = address
        self.headers = headers
        self.client = client
    }

    /// The first header of that name, which is in lower case.
    public subscript(name: String) -> String? { headers.first { $0.name == name }?.value }

    public func count(of name: String) -> Int { headers.count { $0.name == name } }

    /// The body's length if it was given; nil for one in chunks.
    public var length: UInt64? {
        if self["transfer-encoding"] != nil { return nil }
        return self["content-length"].map { ByteRange.number($0.utf8) ?? 0 } ?? 0
    }
}

public struct ServerReply: Sendable {
    public enum Body: Sendable {
        /// A range of one file is sent by the kernel, without a copy.
        case stored(StoredBytes)
        /// Made elsewhere while they are sent.
        case stream(ServerStream)

        public static func bytes(_ bytes: [UInt8]) -> Body { .stored(.memory(bytes)) }
    }

    public var status: Int
    public var headers: [(name: String, value: String)]
    public var body: Body

    public init(_ status: Int, _ headers: [(name: String, value: String)] = [], _ body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    public var count: UInt64 {
        switch body {
        case .stored(let bytes): bytes.count
        case .stream(let stream): stream.count
        }
    }
}

/// The handling of a request: code that takes its body and then answers.
public struct ServerIntake: Sendable {
    let manner: Manner
    /// The name of the caller's token, for the log.
    public var token: String?

    enum Manner: Sendable {
        /// Answered on the thread that serves many connections: nothing there may wait.
        case quick(@Sendable () -> ServerReply)
        /// Answered where waiting is allowed.
        case patient(Patient)
        /// The same, once a short body is complete.
        case holding(Holding)
        /// The answer is here.
        case ready(ServerReply)
        /// Answered before a large body is sent in vain.
        case refusal(ServerReply)
    }

    struct Holding: Sendable {
        let limit: Int
        let answer: @Sendable ([UInt8]?) async -> ServerReply
    }

    struct Patient: Sendable {
        let receive: @Sendable (Span<UInt8>) -> Void
        let abandon: @Sendable () -> Void
        let answer: @Sendable () async -> ServerReply
    }

    /// `answer` may wait for the disk. `abandon` is called instead if the client left before its body was complete.
    public static func patient(
        receive: @escaping @Sendable (Span<UInt8>) -> Void = { _ in }, abandon: @escaping @Sendable () -> Void = {},
        answer: @escaping @Sendable () async -> ServerReply
    ) -> ServerIntake {
        ServerIntake(manner: .patient(Patient(receive: receive, abandon: abandon, answer: answer)))
    }

    /// For a body that is short enough for memory: nil if it had more bytes than `limit`. If too many are held at once,
    /// the server itself answers 503.
    public static func holding(
        atMost limit: Int, answer: @escaping @Sendable ([UInt8]?) async -> ServerReply
    ) -> ServerIntake {
        ServerIntake(manner: .holding(Holding(limit: limit, answer: answer)))
    }

    /// For an answer that is ready.
    public static func quick(_ answer: @escaping @Sendable () -> ServerReply) -> ServerIntake {
        ServerIntake(manner: .quick(answer))
    }

    /// For an answer that was made already.
    public static func ready(_ reply: ServerReply) -> ServerIntake { ServerIntake(manner: .ready(reply)) }

    /// The body is not wanted.
    public static func refusal(_ reply: ServerReply) -> ServerIntake { ServerIntake(manner: .refusal(reply)) }
}

/// A request that has ended, for a log.
public struct ServerRecord: Sendable {
    public let request: ServerRequest
    /// 0 when it was not answered.
    public let status: Int
    /// Of the answer's body.
    public let bytes: UInt64
    public let received: UInt64
    public let duration: Duration
    /// The answer was sent to its end.
    public let isWhole: Bool
    /// The name of the token that was sent, where the server knows it.
    public let token: String?
}

public struct ServerLimits: Sendable {
    /// Received bodies are hashed on them.
    public var threads = min(max(BlockingPool.processors, 2), 16)
    public var connections = 1024
    public var connectionsPerClient = 768
    /// A connection on which nothing moves for so long is cut.
    public var idleSeconds = 60
    /// A request's head has to be whole so long after the connection, or the last answer on it.
    public var headSeconds = 75
    /// While a body is on its way, in or out, at least so many bytes move in so long.
    public var slowBytes: UInt64 = 64 << 10
    public var slowSeconds = 120
    /// Of bodies in memory, in both directions, for all connections together; and for one client.
    public var heldBytes: UInt64 = 64 << 20
    public var heldBytesPerClient: UInt64 = 32 << 20
    /// First line and headers.
    public var headBytes = 32 << 10
    /// A body that is not wanted is passed over up to here; then the connection is cut.
    public var unwantedBytes: UInt64 = 64 << 20

    public init() {}
}
