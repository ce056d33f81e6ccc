package import Model

/// A failure that may not be there the next time.
package struct TransientFailure: Error {
    package let error: CakeError
    /// The wait that the server asked for.
    let asked: Duration?
    /// The failure, in two words.
    let words: String
    /// The server is not asked again: the next request goes to another one.
    package var isElsewhere = false

    package init(_ error: CakeError, asked: Duration? = nil, words: String = "no connection") {
        self.words = words
        self.error = CakeError(
            error.kind, error.what,
            fix: error.fix ?? "check the network and the server's address, then run the same command again")
        self.asked = asked
    }

    /// How long to wait, or nil when it is time to give up.
    func wait(afterFailures failures: Int, _ retry: Retry = Retry()) -> Duration? {
        retry.wait(afterFailures: failures, asked: asked, random: Double.random(in: 0..<1))
    }

    /// Any failure between here and the server is worth another try.
    static func naming<Result>(_ work: () async throws -> Result) async throws -> Result {
        do {
            return try await work()
        } catch let error as CakeError where Retry.isTransient(error) {
            try Task.checkCancellation()
            throw TransientFailure(error)
        }
    }

    /// Does the work again while it fails in a way that may pass.
    package static func retrying<Result>(
        by retry: Retry = Retry(), _ work: () async throws -> Result
    ) async throws -> Result {
        try await Line(retry: retry).retrying(work)
    }
}
