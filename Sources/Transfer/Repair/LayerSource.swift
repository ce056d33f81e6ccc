public import Model
internal import Platform
public import Store

/// A place that may have layers which are damaged or missing here. Sources are asked one after the other, the cheapest
/// first, each for layers that the earlier ones did not give.
public protocol LayerSource: Sendable {
    /// Gets the layers that it has into an operation, which the caller publishes. Reports only layers whose result it
    /// knows.
    func bring(
        _ layers: [Layer], into store: LocalStore, _ operation: Operation, _ progress: Progress,
        waiting: @escaping @Sendable (String) -> Void
    ) async throws -> [Digest: Repair.Outcome]
}
