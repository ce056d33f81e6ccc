import Model
import Network
import Platform
internal import Storage
import Store
import Synchronization

/// Layers that were encoded without their bases to be sent: each once for all clients that ask at the same time, in a
/// file without a name that is gone with the last answer that reads it.
final class PlainLayers: Sendable {
    /// An encoded layer, and the disk space of its file.
    final class Made: Sendable {
        let blob: RegistryStore.Blob
        private let room: Budget.Reservation

        init(_ blob: RegistryStore.Blob, _ room: Budget.Reservation) {
            self.blob = blob
            self.room = room
        }
    }

    /// Not in a `BoundedCache`: a file is removed as soon as no answer reads it.
    private struct Weak { weak var made: Made? }

    private let registry: RegistryStore
    private let budget: Budget
    private let making: SharedWork<Digest, Made?>
    private let made = Mutex<[Digest: Weak]>([:])

    init(_ registry: RegistryStore, _ room: UInt64) {
        self.registry = registry
        making = SharedWork("layers without bases", on: registry.store.pool)
        budget = Budget(room, share: room)
    }

    /// Bytes of files that are held now, or were promised to an encoding.
    var heldBytes: UInt64 { budget.used }

    /// Returns when the running encodings are done.
    func settle() async { await making.settle() }

    /// `object` gives the layer as an object without a base; nil if it is not here.
    func body(
        of layer: Layer, isMade: Bool, _ object: @escaping @Sendable () async throws -> RegistryStore.Blob?
    ) async throws -> ServerReply.Body? {
        guard isMade else {
            guard let blob = try await object() else { return nil }
            return .stored(try blob.bytes(0..<blob.size))
        }
        guard let made = try await made(layer, object) else { return nil }
        guard case .file(let file, let range) = try made.blob.bytes(0..<made.blob.size) else { return nil }
        // The sender of the run keeps its owner until it is sent.
        return .stored(
            .runs(
                FileRuns([
                    FileRuns.Run(count: made.blob.size) { () throws(CakeError) in
                        withExtendedLifetime(made) { (file, range.lowerBound) }
                    }
                ])))
    }

    private func made(
        _ layer: Layer, _ object: @escaping @Sendable () async throws -> RegistryStore.Blob?
    ) async throws -> Made? {
        if let made = kept(layer.digest) { return made }
        return try await making.value(for: layer.digest) {
            // Others may have made it since this was asked.
            if let made = self.kept(layer.digest) { return made }
            let made = try await self.make(layer, object)
            self.keep(made, layer.digest)
            return made
        }
    }

    private func kept(_ digest: Digest) -> Made? { made.withLock { $0[digest]?.made } }

    private func keep(_ new: Made?, _ digest: Digest) {
        made.withLock { made in
            made = made.filter { $0.value.made != nil }
            if let new { made[digest] = Weak(made: new) }
        }
    }

    private func make(_ layer: Layer, _ object: () async throws -> RegistryStore.Blob?) async throws -> Made? {
        guard let room = budget.take(layer.size, evenIfLarge: true) else { throw PlainLayers.busy }
        let free = try registry.freeBytes()
        guard free >= Answers.spare, free - Answers.spare >= layer.size else { throw PlainLayers.full }
        guard let blob = try await object()?.inFile(in: registry.workFolder) else { return nil }
        room.shrink(to: blob.size)
        return Made(blob, room)
    }

    private static let busy = RegistryError(
        503, .unknown, "the server is busy encoding other layers: try again in a moment")
    private static let full = RegistryError(503, .unknown, "the server's disk has no space to encode the layer")
}
