/// How a hub answers. The folder it serves decides what there is to answer with: see `Shelf`.
public struct HubSettings: Sendable {
    /// A user with a token.
    public struct User: Sendable {
        public var name: String
        /// The gated and private repositories this token may read.
        public var reads: Set<String>

        public init(_ name: String, reads: Set<String> = []) {
            self.name = name
            self.reads = reads
        }
    }

    /// Requests that one window allows; past it comes 429.
    public struct Quota: Sendable {
        public var requests: Int
        public var seconds: Int

        public init(requests: Int, seconds: Int) {
            self.requests = requests
            self.seconds = seconds
        }
    }

    /// 0 lets the system choose.
    public var port: UInt16 = 0
    public var cdnPort: UInt16 = 0
    /// The name that signed URLs have for this machine: some clients take two ports of one host for the same place.
    public var cdnHost = "127.0.0.1"
    /// What signed URLs begin with when it is not the second port itself, as when a relay stands before it.
    public var cdnBase: String?
    /// A file of at least so many bytes is kept out of git, whatever its name.
    public var largeFileBytes: UInt64 = 1 << 20
    public var largeFileEndings = [".safetensors", ".bin", ".gguf", ".pt", ".pth", ".onnx", ".h5", ".msgpack"]
    public var treePage = 1000
    public var signedURLSeconds = 3600
    /// By token.
    public var users: [String: User] = [:]
    public var apiQuota = Quota(requests: 500, seconds: 300)
    public var resolverQuota = Quota(requests: 3000, seconds: 300)
    /// Whether a missing repository is named in a header for those who are not signed in, as mirrors do. The Hub does not.
    public var namesMissingRepositories = true
    /// What the kernel may hold of an answer before the client has it; nil leaves it to the kernel. Small ones make
    /// counts of bytes exact.
    public var sendBuffer: Int32?
    /// Whether Xet keeps large files, where a repository does not say otherwise.
    public var xet = false
    public var xetTokenSeconds = 3600
    /// How many chunks a xorb takes at most.
    public var xorbChunks = 8192
    /// Known chunks that follow each other in a xorb are used again from so many on; fewer are kept once more, as by
    /// uploaders who will not have files in crumbs (their number is 8).
    public var shortestXetRun = 1
    /// Of the Xet server.
    public var casPort: UInt16 = 0
    /// Answers `/_log`, `/_misbehave` and their like.
    public var isControlled = false

    public init() {}
}

/// What is wrong with a folder to serve or a port to listen at.
public struct HubError: Error, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }
}
