public import Model
internal import Platform
internal import Synchronization

/// The right of one server to download something for all. Whoever holds it renews it; one that is old, by the storage's clock,
/// belongs to a server that was killed, and goes to the next that wants it.
public final class BringLease: Sendable {
    let key: String
    private let holder = UploadName.random().text
    private let last = Mutex<(number: Int, version: RegistryValues.Version?)>((0, nil))

    /// In seconds.
    static let life = 15

    init(_ key: String) { self.key = key }

    fileprivate var version: RegistryValues.Version? { last.withLock { $0.version } }

    fileprivate func note(_ version: RegistryValues.Version?) { last.withLock { $0.version = version } }

    /// Each renewal is another text, and has another version.
    fileprivate func nextText() -> [UInt8] {
        let number = last.withLock { last in
            last.number += 1
            return last.number
        }
        return Array("cake lease 1 \(holder) \(number)\n".utf8)
    }
}

extension RegistryStore {
    /// Nil while another server holds it. `isTimed` asks for the storage's time, too: only then an old one is found.
    public func takeLease(_ name: String, isTimed: Bool) throws(CakeError) -> BringLease? {
        let lease = BringLease(keys.lease(name))
        guard let known = try storage.lookAgain(at: lease.key) else {
            return try put(lease, if: .absent) ? lease : nil
        }
        guard isTimed else { return nil }
        let waiting = keys.waiting(name)
        try storage.mark([waiting])
        guard let now = try storage.lookAgain(at: waiting)?.time, now - known.time > BringLease.life else { return nil }
        return try put(lease, if: .unchanged(known.version)) ? lease : nil
    }

    /// False when it belongs to another server by now.
    func renew(_ lease: BringLease) throws(CakeError) -> Bool {
        guard let version = lease.version else { return false }
        return try put(lease, if: .unchanged(version))
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
        lease.note(nil)
        guard try storage.put(StorageBody(lease.nextText()), at: lease.key, if: condition) else { return false }
        lease.note(try storage.lookAgain(at: lease.key)?.version)
        return true
    }

    /// A failure does no harm: it becomes old.
    public func release(_ lease: BringLease) {
        guard let version = lease.version else { return }
        _ = try? storage.remove(lease.key, ifUnchanged: version)
    }
}
