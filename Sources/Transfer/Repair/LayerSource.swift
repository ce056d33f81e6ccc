public import Model
internal import Platform
public import Store

/// A place that may have layers which are damaged or missing here. Sources are asked one after the other, the cheapest first,
/// each for what those before it did not bring.
public protocol LayerSource: Sendable {
    /// Brings what it has of these, into an operation whose end the caller publishes. Says of each layer that it knows what
    /// became of it, and nothing of others.
    func bring(
        _ layers: [Layer], into store: LocalStore, _ operation: Operation, _ progress: Progress,
        waiting: @escaping @Sendable (String) -> Void
    ) async throws -> [Digest: Repair.Outcome]
}
