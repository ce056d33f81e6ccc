internal import Synchronization

/// Something that happens once, and is seen by everybody from then on.
final class Once: Sendable {
    private let flag = Atomic<Bool>(false)

    var hasHappened: Bool { flag.load(ordering: .relaxed) }

    func happen() { flag.store(true, ordering: .relaxed) }
}
