internal import Model
internal import Network

/// What a refusal of object storage means to a person.
struct S3Answer {
    let head: HTTPHead
    let refusal: S3Refusal?
    /// What was wanted.
    let words: String
    let place: S3Place
    let host: String
    let region: String
    let credentials: S3Credentials?
    /// Seconds since 1970, on this machine.
    let now: Int

    private var code: String { refusal?.code ?? "" }

    private static let temporary: Set = [
        "SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "OperationAborted",
        "ConditionalRequestConflict", "ConcurrentModification", "BadDigest", "XAmzContentSHA256Mismatch",
        "IncompleteBody",
    ]

    var isTransient: Bool { Retry.isTransient(status: head.status) || S3Answer.temporary.contains(code) }

    var asked: Duration? { Retry.asked(retryAfter: head["retry-after"], rateLimit: nil, now: now) }

    /// Others may be accepted.
    var isAboutCredentials: Bool { ["ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"].contains(code) }

    /// A clock that is 15 minutes off is refused.
    private static let mostSkew = 900

    var error: CakeError {
        let found = refusal?.region ?? head["x-amz-bucket-region"].map { Printable.escape(String($0.prefix(64))) }
        if let found, found != region, [301, 307, 400, 403].contains(head.status) {
            return CakeError(
                .failed, "the bucket \(place.bucket) is in the region \(found), and the request was for \(region)",
                fix: "set AWS_REGION=\(found)")
        }
        if let skew { return skew }
        switch code {
        case "NoSuchBucket":
            return CakeError(
                .notFound, "\(host) has no bucket \(place.bucket)",
                fix: "check the name and the endpoint (AWS_ENDPOINT_URL), or create the bucket")
        case "InvalidAccessKeyId":
            return denied(
                "\(host) does not know the access key from \(source)", "check AWS_ACCESS_KEY_ID and the endpoint")
        case "SignatureDoesNotMatch":
            return denied(
                "\(host) rejected the signature: the secret key from \(source) does not belong to the access key",
                "check AWS_SECRET_ACCESS_KEY")
        case "ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired":
            return denied("the \(credentials.map { "\($0)" } ?? "credentials") have expired", "get new ones")
        case "QuotaExceeded", "StorageFull", "XMinioStorageFull", "InsufficientStorage":
            return CakeError(
                .diskFull, "\(host) has no room for \(words)", fix: "raise the quota of the bucket, or run cake gc")
        case "NotImplemented", "MethodNotAllowed":
            return CakeError(
                .failed, "\(host) does not support what cake needs for \(words)\(said)", fix: "use another S3 engine")
        default: break
        }
        switch head.status {
        case 301, 302, 303, 307, 308:
            return CakeError(
                .failed, "\(host) redirects \(words) elsewhere, and cake sends no signature to another host",
                fix: "set AWS_REGION and AWS_ENDPOINT_URL to those of the bucket")
        case 401, 403:
            guard credentials != nil else {
                return denied(
                    "\(host) refused \(words), and no credentials were found",
                    "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE")
            }
            return denied(
                "\(host) does not allow \(words) with the credentials from \(source)\(said)",
                "give them the right in the bucket's policy; without s3:ListBucket a missing key looks the same")
        case 404:
            return CakeError(.notFound, "\(host) does not have \(words)\(said)", fix: "check the name and the endpoint")
        case 507: return CakeError(.diskFull, "\(host) has no room for \(words)", fix: "make room in the storage")
        case 500...:
            return CakeError(.network, "\(host) has a server error for \(words) (status \(head.status)\(said))")
        default:
            return CakeError(
                .network, "\(host) answered with status \(head.status) for \(words)\(said)",
                fix: "check that \(host) speaks S3, and the endpoint (AWS_ENDPOINT_URL)")
        }
    }

    private var source: String { credentials?.source ?? "nowhere" }

    private var said: String { refusal.map { ": \($0.code)\($0.message.isEmpty ? "" : ", \($0.message)")" } ?? "" }

    private func denied(_ what: String, _ fix: String) -> CakeError { CakeError(.notAuthorised, what, fix: fix) }

    /// The clocks differ: by what the refusal says, or, in an answer without a body, by the header.
    private var skew: CakeError? {
        guard head.status == 400 || head.status == 403 else { return nil }
        let there = refusal?.serverTime ?? head["date"].flatMap(S3Time.ofHeader)
        let here = refusal?.requestTime ?? now
        let isOff = there.map { abs($0 - here) > S3Answer.mostSkew } ?? false
        guard code == "RequestTimeTooSkewed" || isOff else { return nil }
        let times = there.map { "here it is \(text(here)), there \(text($0))" } ?? "here it is \(text(here))"
        return CakeError(
            .failed, "the clock of this machine and that of \(host) differ too much: \(times)",
            fix: "set the clock: timedatectl set-ntp true")
    }

    private func text(_ seconds: Int) -> String { String(Moment.text(seconds).prefix(19)) + "Z" }
}
