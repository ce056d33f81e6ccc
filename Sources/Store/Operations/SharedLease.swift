public import Model
internal import Platform
internal import Synchronization

/// Keeps the layers of manifests that are being read, against any collection. Many readers share one operation, instead
/// of a folder for each; it ends with the last of them.
public final class SharedLease: Sendable {
    private struct Held {
        weak var operation: Operation?
        let start: Int
        var manifests: Set<Digest> = []
    }

    private let store: LocalStore
    private let held = Mutex<Held?>(nil)

    /// After so many seconds new readers get another, or none would ever end.
    private static let life = 300

    public init(_ store: LocalStore) { self.store = store }

    /// The manifest is kept as long as the result lives; nil for a read-only store.
    public func hold(_ manifest: Digest) throws(CakeError) -> Operation? {
        guard store.isWritable else { return nil }
        return try held.withLock { held throws(CakeError) in
            let operation: Operation
            var current: Held
            if let held, let shared = held.operation, Machine.now - held.start < SharedLease.life {
                (operation, current) = (shared, held)
            } else {
                operation = try Operation(store)
                current = Held(operation: operation, start: Machine.now)
            }
            if current.manifests.insert(manifest).inserted { try operation.hold(manifest: manifest) }
            held = current
            return operation
        }
    }

    /// The same, and the manifest is there. A collection that came before the lease has taken it.
    package func hold(existing manifest: Digest) throws(CakeError) -> Operation? {
        let held = try hold(manifest)
        guard try store.hasManifest(manifest) else {
            throw CakeError(.notFound, "the model \(manifest.short) was removed")
        }
        return held
    }
}

extension LocalStore {
    /// Whether a manifest is on the disk now, here or below: also one that this process has read may be removed.
    package func hasManifest(_ digest: Digest) throws(CakeError) -> Bool {
        for place in [self] + lower where try Disk.exists(place.layout.manifest(digest)) { return true }
        return false
    }
}
