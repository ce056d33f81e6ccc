package import Model

/// How often a temporary failure is retried, and where the wait is reported.
package struct Line: Sendable {
    var retry: Retry
    /// Gets the reason of a wait, and nil when it is over; nil if no person watches.
    var says: (@Sendable (String?) -> Void)?
    /// Passed in by tests, that wait for nothing.
    var sleep: @Sendable (Duration) async throws -> Void

    package init(
        retry: Retry = Retry(), says: (@Sendable (String?) -> Void)? = nil,
        sleep: @escaping @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }
    ) {
        self.retry = retry
        self.says = says
        self.sleep = sleep
    }

    /// For the middle of a long pull, where a line that is dead for some minutes is no reason to end.
    package var patient: Line {
        var line = self
        line.retry = .patient
        return line
    }

    /// Waits after a failure, or throws it when it is time to give up.
    package func wait(after failure: TransientFailure, failures: Int) async throws {
        guard let wait = failure.wait(afterFailures: failures, retry) else {
            says?(nil)
            throw failure.error
        }
        let seconds = max(1, Int64((wait / .seconds(1)).rounded(.up)))
        says?("\(failure.words), trying again in \(seconds) s (\(failures + 1) of \(retry.tries))")
        try await sleep(wait)
    }

    /// Does the work again while it fails in a way that may pass.
    package func retrying<Result>(_ work: () async throws -> Result) async throws -> Result {
        var failures = 0
        while true {
            do {
                let result = try await work()
                if failures > 0 { says?(nil) }
                return result
            } catch let failure as TransientFailure {
                failures += 1
                try await wait(after: failure, failures: failures)
            }
        }
    }
}
