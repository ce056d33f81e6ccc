public import Model
internal import Platform
internal import Synchronization

/// The right of one server to download something for all. The server that holds it renews it; one that is old, by the storage's clock,
/// belongs to a server that was killed, and goes to the next that wants it.
public final class BringLease: Sendable {
    public let name: String
    let key: String
    private let holder = UploadName.random().text
    private let last = Mutex<(number: Int, version: RegistryValues.Version?)>((0, nil))

    /// In seconds.
    static let life = 15

    init(_ name: String, at key: String) { (self.name, self.key) = (name, key) }

    fileprivate var version: RegistryValues.Version? { last.withLock { $0.version } }

    /// As far as this server knows.
    public var isHeld: Bool { version != nil }

    fileprivate func note(_ version: RegistryValues.Version?) { last.withLock { $0.version = version } }

    /// Each renewal is another text, and has another version.
    fileprivate func nextText() -> [UInt8] {
        let number = last.withLock { last in
            last.number += 1
            return last.number
        }
        return Array("\(mark)\(number)\n".utf8)
    }

    private var mark: String { "cake lease 1 \(holder) " }

    fileprivate func isOwn(_ text: [UInt8]) -> Bool { text.starts(with: mark.utf8) }
}

extension RegistryStore {
    /// Nil while another server holds it. `look` counts the calls of one that waits: with every third it says that it does, and
    /// learns the storage's time, by which an old lease is found.
    public func takeLease(_ name: String, look: Int = 0) throws(CakeError) -> BringLease? {
        let lease = BringLease(name, at: keys.lease(name))
        let waiting = keys.waiting(name)
        var condition = StorageCondition<RegistryValues.Version>.absent
        var hasMarked = look > 0
        if let known = try storage.lookAgain(at: lease.key) {
            guard look % 3 == 0 else { return nil }
            try storage.mark([waiting])
            hasMarked = true
            guard let now = try storage.lookAgain(at: waiting)?.time, now - known.time > BringLease.life else {
                return nil
            }
            condition = .unchanged(known.version)
        }
        guard try put(lease, if: condition) else { return nil }
        // Others make it again.
        if hasMarked { try storage.remove(waiting) }
        return lease
    }

    /// Whether other servers wait for what the lease stands for.
    public func isAwaited(_ lease: BringLease) throws(CakeError) -> Bool {
        try storage.lookAgain(at: keys.waiting(lease.name)) != nil
    }

    /// False when it belongs to another server by now.
    func renew(_ lease: BringLease) throws(CakeError) -> Bool {
        guard let version = lease.version else { return false }
        if try put(lease, if: .unchanged(version)) { return true }
        // An answer may have been lost.
        let now = try storage.lookAgain(at: lease.key)?.version
        let text = try storage.bytes(at: lease.key, limit: 1024, isAgain: true)
        lease.note(text.map(lease.isOwn) == true ? now : nil)
        guard let now = lease.version else { return false }
        return try put(lease, if: .unchanged(now))
    }

    /// Nil if the storage does not answer: the lease may still be there.
    public func renewIfReached(_ lease: BringLease) throws(CakeError) -> Bool? {
        do {
            return try renew(lease)
        } catch let error where error.isOfNetwork { return nil }
    }

    private func put(
        _ lease: BringLease, if condition: StorageCondition<RegistryValues.Version>
    ) throws(CakeError) -> Bool {
        guard try storage.put(StorageBody(lease.nextText()), at: lease.key, if: condition) else { return false }
        lease.note(try storage.lookAgain(at: lease.key)?.version)
        return true
    }

    /// A failure does no harm: it becomes old.
    public func release(_ lease: BringLease) {
        guard let version = lease.version else { return }
        _ = try? storage.remove(keys.waiting(lease.name))
        _ = try? storage.remove(lease.key, ifUnchanged: version)
    }
}
