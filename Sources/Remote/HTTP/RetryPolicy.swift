/// How a request with a temporary failure is handled.
public enum RetryPolicy: Sendable {
    /// It is put again after some time, as often as the line says.
    case waits
    /// It is put once more, at once, since clients wait that have patience of their own. Then this is thrown.
    case onceMore(orElse: any Error)

    func callAsFunction<Result>(on line: Line, _ work: () async throws -> Result) async throws -> Result {
        guard case .onceMore(let last) = self else { return try await line.retrying(work) }
        do { return try await work() } catch is TransientFailure {}
        do { return try await work() } catch is TransientFailure { throw last }
    }
}
