internal import Codec
public import Model
internal import Platform

/// Encoding stored layers again: against a base that came later, or better than an older cake could.
extension LocalStore {
    /// The size of an object, and its new or possible size.
    public struct Reencoded: Sendable {
        public let before: UInt64
        public let after: UInt64
    }

    /// Writes a layer's object again if that makes it smaller, for `publishReencoded`; nil if it stays. With `isDryRun`
    /// there is nothing to publish.
    public func reencode(
        _ layer: Layer, kind: Tensor.Kind?, bases offered: [Layer], in operation: Operation, isDryRun: Bool
    ) async throws -> Reencoded? {
        guard layer.digest != .empty, try operation.hold([layer]).contains(layer.digest), let found = try find(layer)
        else { return nil }
        let object = try open(layer)
        let current = object.header.base.map { Layer(digest: $0, size: layer.size) }
        let plain = PlainBytes(layer, in: LayerReader(self))
        let base = try chooseBase(
            for: layer, plain, kind?.dtype, among: (current.map { [$0] } ?? []) + offered, in: operation)
        let isSame = base?.header.layer == current
        // With the same base there is nothing to gain, except by factors; nor for a plain layer for which the codec
        // would choose the same form.
        let isFinal = base == nil && (object.form != .plain || Form(of: kind?.dtype) == .plain)
        if isSame, try isFinal || base.map({ try !gainsByFactors(plain, kind, object, beside: $0) }) == true {
            if base == nil { operation.keepsPlain(layer) }
            return nil
        }
        let written = try await writeAnew(layer, plain, kind, beside: base, in: operation)
        let after = written.length
        guard after < found.location.length else {
            try written.discard()
            if current == nil { operation.keepsPlain(layer) }
            return nil
        }
        if isDryRun { try written.discard() } else { try operation.add(written) }
        return Reencoded(before: found.location.length, after: after)
    }

    /// Whether a delta of an older cake is beyond its base by a low rank.
    private func gainsByFactors(
        _ plain: PlainBytes, _ kind: Tensor.Kind?, _ object: StoredObject, beside base: StoredObject
    ) throws(CakeError) -> Bool {
        guard case .grouped = object.form, let matrix = Matrix(kind, size: plain.count) else { return false }
        let (piece, beside) = (plainChunks.take(), plainChunks.take())
        defer {
            plainChunks.giveBack(piece)
            plainChunks.giveBack(beside)
        }
        let share = Double(object.length) / Double(plain.count)
        let factors = try Encoding.factors(of: matrix, insteadOf: share) { index, body throws(CakeError) in
            try plain.fill(piece: index, into: piece)
            try read(piece: index, of: base, base: nil, into: beside)
            try piece.withBytes { plain throws(CakeError) in
                try beside.withBytes { base throws(CakeError) in try body(plain, base) }
            }
        }
        return factors != nil
    }

    /// An object written aside, in a file or in memory.
    package enum Written {
        case alone(WrittenObject)
        case packed(SmallObject)

        var length: UInt64 {
            switch self {
            case .alone(let object): object.record.storedLength
            case .packed(let object): UInt64(object.bytes.count)
            }
        }

        /// What it will take on the disk.
        var room: UInt64 {
            switch self {
            case .alone: DiskRoom.blocks(length)
            case .packed: length
            }
        }

        var base: Digest? {
            switch self {
            case .alone(let object): object.record.base
            case .packed(let object): object.base
            }
        }

        /// Opened where it stands, to be a base of others that stand aside.
        func opened(_ layer: Layer) throws(CakeError) -> StoredObject {
            switch self {
            case .alone(let object): try StoredObject(layer, in: File(object.path, .read), at: 0, length: length)
            case .packed(let object):
                try StoredObject(layer, in: File(inMemory: object.bytes.span), at: 0, length: length)
            }
        }

        /// It is not to be published.
        func discard() throws(CakeError) {
            if case .alone(let object) = self { try Disk.remove(object.path) }
        }
    }

    /// The layer's bytes are compared with its name on the way.
    package func writeAnew(
        _ layer: Layer, _ plain: PlainBytes, _ kind: Tensor.Kind?, beside base: StoredObject?, in operation: Operation
    ) async throws -> Written {
        let reading = try read(plain)
        defer { release(reading) }
        guard reading.layer == layer else {
            throw CakeError(.damaged, "layer \(layer.digest.short) hashes to \(reading.layer.digest.short)")
        }
        guard layer.size < LocalStore.smallLimit, let chunk = reading.kept.first else {
            return .alone(try await write(plain, reading, kind, beside: base, in: operation) { _ in })
        }
        let stored = storedChunks.take()
        defer { storedChunks.giveBack(stored) }
        return .packed(
            try chunk.withBytes { bytes throws(CakeError) in
                try makeObject(layer, bytes, kind, beside: base, stored, operation)
            })
    }
}

extension Operation {
    /// To be published with the others.
    func add(_ written: LocalStore.Written) throws(CakeError) {
        switch written {
        case .alone(let object): add(object)
        case .packed(let object): try pack(object)
        }
    }

    /// Replaces objects by their new encodings, one by one; each is the old or the new one at any time.
    public func publishReencoded() throws(CakeError) { _ = try publishAll(isReplacing: true) }
}
