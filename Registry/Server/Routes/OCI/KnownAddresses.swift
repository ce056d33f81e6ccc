import Model
import Synchronization

/// Addresses of blobs that were asked for lately: who reads one by ranges asks for hundreds, each at the same address.
final class KnownAddresses: Sendable {
    private static let most = 256
    private let known = Mutex<[String: (target: RequestTarget, route: RegistryRoute)]>([:])

    subscript(address: String) -> (target: RequestTarget, route: RegistryRoute)? { known.withLock { $0[address] } }

    func add(_ address: String, _ target: RequestTarget, _ route: RegistryRoute) {
        guard case .blob = route else { return }
        known.withLock { known in
            if known.count >= KnownAddresses.most { _ = known.popFirst() }
            known[address] = (target, route)
        }
    }
}
