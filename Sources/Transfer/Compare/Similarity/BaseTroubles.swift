internal import Model
internal import Synchronization

/// What kept models here from being looked at as bases: new tensors may be stored whole, where a delta would be smaller.
final class BaseTroubles: Sendable {
    private let found = Mutex<[CakeError]>([])

    var all: [CakeError] { found.withLock { $0 } }

    /// The same is looked at again and again, and told once.
    func add(_ error: CakeError) {
        found.withLock { found in
            if !found.contains(where: { $0.what == error.what }) { found.append(error) }
        }
    }
}
