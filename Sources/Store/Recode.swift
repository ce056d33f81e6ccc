public import Model
internal import Platform

/// Encoding anew what is stored already: beside a base that came later, or better than an older cake knew how.
extension LocalStore {
    /// What an object took, and what it takes or would take.
    public struct Recoded: Sendable {
        public let before: UInt64
        public let after: UInt64
    }

    /// Writes a layer's object anew where that makes it smaller, to be put in its place by `publishRecoded`; nil where it
    /// stays as it is. With `isDryRun` nothing is left to be published.
    public func recode(
        _ layer: Layer, dtype: DType?, bases offered: [Layer], in operation: Operation, isDryRun: Bool
    ) async throws -> Recoded? {
        guard layer.digest != .empty, try operation.hold([layer]).contains(layer.digest), let found = try find(layer)
        else { return nil }
        let object = try open(layer)
        let current = object.header.base.map { Layer(digest: $0, size: layer.size) }
        let plain = PlainBytes(layer, in: LayerReader(self))
        let base = try chooseBase(
            for: layer, plain, dtype, among: (current.map { [$0] } ?? []) + offered, in: operation)
        let isSame = base?.header.layer == current
        // A base that is what it was gives what there is; so does a layer alone whose form the codec would choose again.
        if isSame, base != nil || object.form != .plain || Form(of: dtype) == .plain {
            if base == nil { operation.keepsPlain(layer) }
            return nil
        }
        let written = try await writeAnew(layer, plain, dtype, beside: base, in: operation)
        let after = written.length
        guard after < found.location.length else {
            if case .alone(let object) = written { try Disk.remove(object.path) }
            if current == nil { operation.keepsPlain(layer) }
            return nil
        }
        switch written {
        case .alone(let object): if isDryRun { try Disk.remove(object.path) } else { operation.add(object) }
        case .packed(let object): if !isDryRun { try operation.pack(object) }
        }
        return Recoded(before: found.location.length, after: after)
    }

    /// An object that stands aside, in a file or in memory.
    enum Written {
        case alone(WrittenObject)
        case packed(SmallObject)

        var length: UInt64 {
            switch self {
            case .alone(let object): object.record.storedLength
            case .packed(let object): UInt64(object.bytes.count)
            }
        }
    }

    /// The layer's bytes are compared with its name on the way.
    func writeAnew(
        _ layer: Layer, _ plain: PlainBytes, _ dtype: DType?, beside base: StoredObject?, in operation: Operation
    ) async throws -> Written {
        let reading = try read(plain)
        defer { release(reading) }
        guard reading.layer == layer else {
            throw CakeError(.damaged, "layer \(layer.digest.short) hashes to \(reading.layer.digest.short)")
        }
        guard layer.size < LocalStore.smallLimit, let chunk = reading.kept.first else {
            return .alone(try await write(plain, reading, dtype, beside: base, in: operation) { _ in })
        }
        let stored = storedChunks.take()
        defer { storedChunks.giveBack(stored) }
        return .packed(
            try chunk.withBytes { bytes throws(CakeError) in
                try makeObject(layer, bytes, dtype, beside: base, stored, operation)
            })
    }
}

extension Operation {
    /// Puts what was encoded anew in its place, object by object; each is the old one or the new one at any time.
    public func publishRecoded() throws(CakeError) { _ = try publishAll(isReplacing: true) }
}
