/// Returns the result of the work, or throws `late` when the time is over. The work is then cancelled, and awaited.
public func within<Value: Sendable>(
    _ limit: Duration, orElse late: any Error, _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(for: limit)
            throw late
        }
        defer { group.cancelAll() }
        guard let first = try await group.next() else { throw late }
        return first
    }
}
