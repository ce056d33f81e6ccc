/// Every failure that cake reports: what happened, to what, and what to type next.
public struct CakeError: Error, Hashable, Sendable, CustomStringConvertible {
    /// A kind exists where a caller or the exit status branches on it. The raw value is the exit status.
    public enum Kind: Int32, Sendable {
        case failed = 1
        case usage = 2
        case notFound = 10
        case damaged = 11
        case locked = 12
        case network = 13
        case diskFull = 14
        case notAuthorised = 15
        case offline = 16
    }

    /// What a program that uses the library tells apart, and the exit status does not.
    public enum Cause: Sendable {
        /// A name fits several models.
        case ambiguous
        /// A newer cake wrote it.
        case newer
    }

    public let kind: Kind
    public let what: String
    public let fix: String?
    public let cause: Cause?

    public init(_ kind: Kind, _ what: String, fix: String? = nil, cause: Cause? = nil) {
        self.kind = kind
        self.what = what
        self.fix = fix
        self.cause = cause
    }

    public var description: String {
        if let fix { "\(what)\nfix: \(fix)" } else { what }
    }

    /// The same failure, with the place where it happened.
    public func at(_ place: String) -> CakeError {
        CakeError(kind, "\(place): \(what)", fix: fix, cause: cause)
    }
}
