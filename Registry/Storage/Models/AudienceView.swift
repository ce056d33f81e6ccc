internal import Codec
internal import Model
internal import Platform
internal import Store

/// A model as all its readers may have it: which of its layers are sent as deltas, and which without their base.
struct AudienceView: Sendable {
    let sharing: Sharing
    let own: Set<Digest>
    /// Of the layers that go as deltas.
    private(set) var bases: [Digest: Digest] = [:]
    /// Deltas whose base not every reader may have.
    private(set) var alone: Set<Digest> = []

    init(of manifest: Manifest, _ sharing: Sharing, _ store: LocalStore) throws(CakeError) {
        self.sharing = sharing
        own = Set(manifest.layers.map(\.digest))
        for layer in manifest.layers where layer.size > 0 {
            guard let base = try store.findAnywhere(layer)?.base else { continue }
            if allows(base) { bases[layer.digest] = base } else { alone.insert(layer.digest) }
        }
    }

    func allows(_ layer: Digest) -> Bool { own.contains(layer) || sharing.allows(layer) }
}

/// Deltas whose base not every reader of a model may have are sent without it: encoded again, once, and kept beside the
/// objects of other packs.
extension RegistryStore {
    /// Kept free on the disk.
    private static let spare: UInt64 = 64 << 20

    /// One is encoded at a time, and only if there is space for it.
    func objectsAlone(
        of manifest: Manifest, _ alone: Set<Digest>, in operation: Operation
    ) async throws(CakeError) -> [Digest: FoundObject] {
        guard !alone.isEmpty else { return [:] }
        var found = isDistant ? [:] : try heldAlone(alone)
        for segment in manifest.segments where alone.contains(segment.layer.digest) {
            let layer = segment.layer
            guard found[layer.digest] == nil else { continue }
            let free = try freeBytes()
            guard free >= RegistryStore.spare, free - RegistryStore.spare >= layer.size else {
                throw CakeError(
                    .diskFull, "layer \(layer.digest.short) cannot be encoded without its base: the disk is full")
            }
            found[layer.digest] = try await encodeAlone(layer, segment.tensor?.kind, in: operation)
        }
        return found
    }

    private func encodeAlone(
        _ layer: Layer, _ kind: Tensor.Kind?, in operation: Operation
    ) async throws(CakeError) -> FoundObject {
        let written: LocalStore.Written
        do {
            let plain = PlainBytes(layer, in: LayerReader(store))
            written = try await store.writeAnew(layer, plain, kind, beside: nil, in: operation)
        } catch let error as CakeError {
            throw error
        } catch {
            throw CakeError(.failed, "layer \(layer.digest.short) could not be encoded without its base")
        }
        switch written {
        case .alone(let object):
            return try FoundObject(
                layer, inFile: object.path, start: 0, length: object.record.storedLength,
                transform: object.record.transform.rawValue, isMade: true)
        case .packed(let object):
            let path = operation.folder + "/" + layer.digest.hex + ".alone"
            try File(path, .create).write(object.bytes.span, at: 0)
            return try FoundObject(
                layer, inFile: path, start: 0, length: UInt64(object.bytes.count),
                transform: object.transform.rawValue, isMade: true)
        }
    }

    /// Those that were encoded so for an earlier manifest.
    private func heldAlone(_ layers: Set<Digest>) throws(CakeError) -> [Digest: FoundObject] {
        var found: [Digest: FoundObject] = [:]
        for repository in try allRepositories() {
            for pack in Set(try given(in: repository).value.flatMap(\.packs)) {
                for object in try heldPack(pack)?.objects ?? [] {
                    let layer = object.layer
                    guard layers.contains(layer.digest), found[layer.digest] == nil,
                        let file = try? File(layout.held(object), .read),
                        let stored = try? StoredObject(layer, in: file, at: object.start, length: object.length),
                        stored.header.base == nil
                    else { continue }
                    found[layer.digest] = try FoundObject(
                        layer, inFile: file.path, start: object.start, length: object.length,
                        transform: stored.header.transform.rawValue, isMade: false)
                }
            }
        }
        return found
    }
}
