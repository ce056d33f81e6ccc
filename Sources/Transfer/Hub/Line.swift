internal import Model

/// How often what fails in passing is tried again, and where it is said meanwhile.
struct Line: Sendable {
    var retry = Retry()
    /// Shows what is waited for; nil where nobody looks on.
    var progress: Progress?
    /// Passed in by tests, that wait for nothing.
    var sleep: @Sendable (Duration) async throws -> Void = { try await Task.sleep(for: $0) }

    /// For the middle of a long pull, where a line that is dead for some minutes is no reason to end.
    var patient: Line {
        var line = self
        line.retry = .patient
        return line
    }

    /// Waits after a failure, or throws it when it is time to give up.
    func wait(after failure: TransientFailure, failures: Int) async throws {
        guard let wait = failure.wait(afterFailures: failures, retry) else {
            progress?.stands(nil)
            throw failure.error
        }
        let seconds = max(1, Int64((wait / .seconds(1)).rounded(.up)))
        progress?.stands("\(failure.words), trying again in \(seconds) s (\(failures + 1) of \(retry.tries))")
        try await sleep(wait)
    }

    /// Does the work again while it fails in a way that may pass.
    func retrying<Result>(_ work: () async throws -> Result) async throws -> Result {
        var failures = 0
        while true {
            do {
                let result = try await work()
                if failures > 0 { progress?.stands(nil) }
                return result
            } catch let failure as TransientFailure {
                failures += 1
                try await wait(after: failure, failures: failures)
            }
        }
    }
}
