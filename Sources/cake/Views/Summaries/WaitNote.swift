import Model
internal import Storage
import Synchronization

/// Says once why a collection waits.
final class WaitNote: Sendable {
    private let isSaid = Mutex(false)

    func text(of step: DistantCollection.Step) -> String? {
        guard case .waiting(let seconds, let blobs) = step,
            isSaid.withLock({ said in
                defer { said = true }
                return !said
            })
        else { return nil }
        return
            "waiting \(Quantities.duration(.seconds((seconds + 5) / 10 * 10))) before \(Quantities.count(blobs, of: "blob")) "
            + "\(blobs == 1 ? "is" : "are") removed: requests that began before may still use "
            + "\(blobs == 1 ? "it" : "them"). "
            + "Ctrl-C is safe, and the next cake gc goes on from here"
    }
}
