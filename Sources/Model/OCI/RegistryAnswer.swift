/// A refusal by a registry, and its meaning for the person who asked.
public struct RegistryAnswer: Sendable {
    public let status: Int
    /// The specification's word for it: `BLOB_UNKNOWN`.
    public let code: String?
    private let words: String

    public init(status: Int, body: Span<UInt8>) {
        self.status = status
        let document = try? JSONValue(parsing: body.extracting(first: HubAnswer.maximumBody), repeatedKeys: .kept)
        code = document?["errors"]?.array?.first?["code"]?.string
        let said = HubAnswer(status: status, body: body).quoted
        words = said.isEmpty && code != nil ? ": " + HubAnswer.tame(code ?? "") : said
    }

    /// The login that was sent.
    public enum Login: Sendable {
        case none
        /// It was refused.
        case rejected
        /// It was refused, or has no right to the request: the answer does not say which.
        case refused
        /// It was taken, and is not enough.
        case insufficient
    }

    /// `wanted` names the request: "the tags of team/model"; `place` is the argument of `cake login` for the host.
    public func error(_ wanted: String, of host: String, at place: String, _ login: Login = .none) -> CakeError {
        switch status {
        case 401 where login == .rejected:
            CakeError(
                .notAuthorised, "\(host) rejected the user name or password\(words)",
                fix: "check both, then: cake login \(place)")
        case 401 where login == .refused:
            CakeError(
                .notAuthorised, "\(host) refused the login, or the login has no right to \(wanted)\(words)",
                fix: "cake login \(place) checks user name and password; if both are right, ask the operator for access"
            )
        case 401 where login == .insufficient:
            CakeError(
                .notAuthorised, "\(host) does not allow \(wanted) with this login\(words)",
                fix: "use another login: cake login \(place)")
        case 401:
            CakeError(
                .notAuthorised, "\(host) needs a login for \(wanted)\(words)", fix: "cake login \(place)")
        case 403:
            CakeError(
                .notAuthorised, "\(host) refuses \(wanted)\(words)",
                fix: "ask its operator for access, or use another login: cake login \(place)")
        case 404:
            CakeError(
                .notFound, "\(host) does not have \(wanted)\(words)", fix: "check the name; cake tags REF lists tags")
        case 405: CakeError(.failed, "\(host) does not allow \(wanted)\(words)", fix: "ask its operator to allow it")
        case 408, 425, 429, 500...: CakeError(.network, "\(host) answered \(wanted) with status \(status)\(words)")
        case 413:
            CakeError(
                .failed, "\(host), or a proxy in front of it, says that \(wanted) is too large\(words)",
                fix: "cake push --chunk-size 32MB sends smaller pieces")
        default: CakeError(.failed, "\(host) answered \(wanted) with status \(status)\(words)")
        }
    }
}
