/// A refusal in the Hub's form: clients choose their error by the code, and print the message.
public struct HubRefusal: Error, Hashable, Sendable {
    public enum Code: String, Sendable {
        case noRepository = "RepoNotFound"
        case noRevision = "RevisionNotFound"
        case noFile = "EntryNotFound"
        case gated = "GatedRepo"
        /// The upstream Hub does not answer, or not in time.
        case noUpstream = "UpstreamUnavailable"
        case busyUpstream = "UpstreamBusy"
    }

    public let status: Int
    public let code: Code?
    /// Goes into a header: ASCII, and no text from the request.
    public let message: String
    /// Where a file is missing for good: clients remember that.
    public var commit: String?
    /// Seconds after which it may go better.
    public var retryAfter: Int?

    public init(_ status: Int, _ code: Code? = nil, _ message: String, commit: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.commit = commit
    }

    public static let noRepository = HubRefusal(
        404, .noRepository, "Repository not found: this server's store does not have it")
    public static let noToken = HubRefusal(401, nil, "This needs a token of this server")
    public static let noRevision = HubRefusal(
        404, .noRevision, "Revision not found: the store has others of this repository")
    public static let noFile = HubRefusal(404, .noFile, "Entry not found")
    public static let nothing = HubRefusal(404, nil, "There is nothing at this address")
    public static let readOnly = HubRefusal(405, nil, "This server is read-only")
    public static let failed = HubRefusal(500, nil, "The server could not read its store")

    public static let gated = HubRefusal(
        403, .gated, "Access to this repository is restricted: send a token that its Hub accepts")

    /// The upstream Hub refused, or did not answer.
    public static func upstream(_ status: Int, _ message: String, retryAfter: Int = 10) -> HubRefusal {
        var refusal = HubRefusal(status, status == 429 ? .busyUpstream : .noUpstream, message)
        refusal.retryAfter = retryAfter
        return refusal
    }

    /// It may be temporary: until then the store's content is served.
    public var isPassing: Bool { code == .noUpstream || code == .busyUpstream }

    public var headers: [(name: String, value: String)] {
        var headers = [(name: "X-Error-Message", value: message)]
        if let code { headers.append(("X-Error-Code", code.rawValue)) }
        if let commit { headers.append(("X-Repo-Commit", commit)) }
        if let retryAfter { headers.append(("Retry-After", "\(retryAfter)")) }
        return headers
    }
}
