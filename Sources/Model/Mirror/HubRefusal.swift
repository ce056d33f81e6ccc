/// A refusal as the Hub words it: clients choose their error by the code, and tell the message.
public struct HubRefusal: Error, Hashable, Sendable {
    public enum Code: String, Sendable {
        case noRepository = "RepoNotFound"
        case noRevision = "RevisionNotFound"
        case noFile = "EntryNotFound"
    }

    public let status: Int
    public let code: Code?
    /// Goes into a header: ASCII, and nothing of what was asked.
    public let message: String
    /// Where a file is missing for good: clients remember that.
    public var commit: String?

    public init(_ status: Int, _ code: Code? = nil, _ message: String, commit: String? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.commit = commit
    }

    public static let noRepository = HubRefusal(
        404, .noRepository, "Repository not found: this server's store does not have it")
    public static let noToken = HubRefusal(401, nil, "This needs a token of the server's")
    public static let noRevision = HubRefusal(
        404, .noRevision, "Revision not found: the store has others of this repository")
    public static let noFile = HubRefusal(404, .noFile, "Entry not found")
    public static let nothing = HubRefusal(404, nil, "There is nothing at this address")
    public static let readOnly = HubRefusal(405, nil, "This server only gives")
    public static let failed = HubRefusal(500, nil, "The server could not read its store")

    public var headers: [(name: String, value: String)] {
        var headers = [(name: "X-Error-Message", value: message)]
        if let code { headers.append(("X-Error-Code", code.rawValue)) }
        if let commit { headers.append(("X-Repo-Commit", commit)) }
        return headers
    }
}
