internal import Model
internal import Synchronization

/// Problems that kept models here from being candidates: new tensors may be stored whole, although a delta would be
/// smaller.
final class BaseTroubles: Sendable {
    private let found = Mutex<[CakeError]>([])

    var all: [CakeError] { found.withLock { $0 } }

    /// The same problem occurs again and again, and is reported once.
    func add(_ error: CakeError) {
        found.withLock { found in
            if !found.contains(where: { $0.what == error.what }) { found.append(error) }
        }
    }
}
