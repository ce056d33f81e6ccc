internal import Codec
public import Model
internal import Platform

/// Accepting objects from elsewhere. An object is kept as it came, once its layer was decoded and matched its name. If
/// its base is a delta here, it is encoded again.
extension LocalStore {
    /// An object that was checked.
    public struct Adopted: Sendable {
        fileprivate let written: Written

        /// To be published with the others; not while they are.
        public func add(to operation: Operation) throws(CakeError) { try operation.add(written) }
    }

    /// Checks an object. Its base has to be here.
    public func verifyAndKeep(
        _ layer: Layer, _ stored: PlainBytes, base: Digest?, kind: Tensor.Kind?, in operation: Operation
    ) async throws -> Adopted {
        let path = operation.folder + "/came-" + layer.digest.hex
        defer { try? Disk.remove(path) }
        let (file, start) = try contiguous(stored, at: path)
        let object = try StoredObject(layer, in: file, at: start, length: stored.count)
        guard object.header.base == base, object.header.pieceBits == ObjectHeader.standardPieceBits else {
            throw CakeError(.damaged, "the object of layer \(layer.digest.short) is not the one in its index")
        }
        var beside: StoredObject?
        if let base {
            let other = Layer(digest: base, size: layer.size)
            if try operation.mayBecomeDelta(layer) { beside = try operation.take(base: other) }
            guard beside != nil else {
                operation.keepsPlain(layer)
                return Adopted(written: try await encodeAnew(layer, object, beside: other, kind, in: operation))
            }
        }
        try check(object, layer) { index, plain throws(CakeError) in
            try read(piece: index, of: object, base: beside, into: plain, hashedLater: true)
        }
        if let base { operation.becomesDelta(layer, of: base) } else { operation.keepsPlain(layer) }
        return Adopted(written: try asItCame(object, layer, in: operation))
    }

    private func check(
        _ object: StoredObject, _ layer: Layer, _ read: (Int, Chunk) throws(CakeError) -> Void
    ) throws {
        let plain = plainChunks.take()
        defer { plainChunks.giveBack(plain) }
        var hash = SHA256()
        for index in 0..<object.pieces {
            try Task.checkCancellation()
            try read(index, plain)
            plain.withBytes { hash.update($0) }
        }
        let found = hash.finish()
        guard found == layer.digest else {
            throw CakeError(.damaged, "the received bytes of layer \(layer.digest.short) hash to \(found.short)")
        }
    }

    /// As it came.
    private func asItCame(
        _ object: StoredObject, _ layer: Layer, in operation: Operation
    ) throws(CakeError) -> Written {
        let (transform, base) = (object.header.transform, object.header.base)
        guard layer.size >= LocalStore.smallLimit else {
            let bytes = try object.file.bytes(at: object.start, count: Int(object.length))
            return .packed(SmallObject(layer: layer, transform: transform, base: base, bytes: bytes))
        }
        let path = operation.folder + "/" + layer.digest.hex
        try Disk.remove(path)
        let target = try File(path, .create)
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        let stored = PlainBytes(file: object.file, start: object.start, count: object.length)
        try stored.forEachChunk(through: chunk) { offset, bytes throws(CakeError) in
            try target.write(bytes, at: offset)
        }
        target.startWriting(from: 0, count: object.length)
        try target.finish()
        let record = IndexRecord(
            layer: layer, storedLength: object.length, place: .alone, transform: transform, base: base)
        return .alone(WrittenObject(record: record, path: path))
    }

    /// For a delta whose base cannot be a base here, or is a delta.
    private func encodeAnew(
        _ layer: Layer, _ object: StoredObject, beside base: Layer, _ kind: Tensor.Kind?, in operation: Operation
    ) async throws -> Written {
        let path = operation.folder + "/plain-" + layer.digest.hex
        try Disk.remove(path)
        let file = try File(path, .create)
        defer { try? Disk.remove(path) }
        let reader = LayerReader(self)
        var offset: UInt64 = 0
        try check(object, layer) { index, plain throws(CakeError) in
            let beside = try reader.piece(index, of: base)
            let stored = storedChunks.take()
            defer {
                reader.giveBack(beside)
                storedChunks.giveBack(stored)
            }
            try coders.use { coder throws(CakeError) in
                try object.read(piece: index, with: coder, base: beside, stored: stored, into: plain)
            }
            try plain.withBytes { bytes throws(CakeError) in try file.write(bytes, at: offset) }
            offset += UInt64(plain.count)
        }
        let plain = PlainBytes(file: file, start: 0, count: layer.size)
        return try await writeAnew(layer, plain, kind, beside: nil, in: operation)
    }

    /// Joins several runs: an object is read from one file.
    private func contiguous(_ stored: PlainBytes, at path: String) throws(CakeError) -> (File, UInt64) {
        if let only = stored.onlyRun { return only }
        try Disk.remove(path)
        let file = try File(path, .create)
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        try stored.forEachChunk(through: chunk) { offset, bytes throws(CakeError) in try file.write(bytes, at: offset) }
        return (file, 0)
    }
}
