internal import Codec
package import Model
internal import Platform

/// Where the objects of layers are.
package protocol ObjectSource: Sendable {
    /// The digest of the index that leads to the objects; nil for the store itself.
    var index: Digest? { get }

    /// A layer's object, and its base's where it has one.
    func openAnywhere(_ layer: Layer) throws(CakeError) -> (object: StoredObject, base: StoredObject?)

    /// Something of the layer could not be decoded.
    func doubt(_ layer: Layer)
}

extension LocalStore: ObjectSource {
    package var index: Digest? { nil }

    /// `cake verify` looks at all of them.
    package func doubt(_ layer: Layer) {}
}

/// Reading with a base. A base is never a delta: reading a layer takes two objects at most.
extension LocalStore {
    /// The same, here or below: a base is in the same store as its delta.
    package func openAnywhere(_ layer: Layer) throws(CakeError) -> (object: StoredObject, base: StoredObject?) {
        do {
            return try openWithBase(layer)
        } catch {
            guard error.kind == .notFound || error.kind == .damaged else { throw error }
            for store in lower { if let found = try? store.openWithBase(layer) { return found } }
            throw error
        }
    }

    /// A layer's object, and its base's where it has one.
    func openWithBase(_ layer: Layer) throws(CakeError) -> (object: StoredObject, base: StoredObject?) {
        var object = try open(layer)
        while true {
            do {
                return (object, try openBase(of: object))
            } catch {
                // Another process may have encoded it again meanwhile, and freed its old base.
                let again = try open(layer)
                guard again.header.base != object.header.base else { throw error }
                object = again
            }
        }
    }

    /// The object of the base that an object names; nil if it names none.
    func openBase(of object: StoredObject) throws(CakeError) -> StoredObject? {
        guard let digest = object.header.base else { return nil }
        let layer = object.header.layer
        do {
            return try openBase(Layer(digest: digest, size: layer.size), pieceBits: object.header.pieceBits)
        } catch {
            throw CakeError(
                error.kind, "layer \(layer.digest.short) is a delta, and its base cannot be read: \(error.what)",
                fix: error.fix, cause: error.cause)
        }
    }

    /// A layer's object, to be the base of another of the same size.
    func openBase(
        _ base: Layer, pieceBits: UInt8 = ObjectHeader.standardPieceBits
    ) throws(CakeError) -> StoredObject {
        let object = try open(base)
        guard object.header.base == nil else {
            throw CakeError(.damaged, "layer \(base.digest.short) is a delta, and cannot be a base")
        }
        guard object.header.pieceBits == pieceBits else {
            throw CakeError(.damaged, "layer \(base.digest.short) is cut into pieces of another size")
        }
        return object
    }

    /// Puts a piece's plain bytes into `plain`, read with the object's base. Zstd's own checksum is not checked if the
    /// layer is hashed later. Returns whether nothing had to be decoded.
    @discardableResult
    func read(
        piece index: Int, of object: StoredObject, base: StoredObject?, into plain: Chunk, hashedLater: Bool = false
    ) throws(CakeError) -> Bool {
        if try object.readRaw(piece: index, into: plain, hashedLater: hashedLater) { return true }
        let stored = storedChunks.take()
        defer { storedChunks.giveBack(stored) }
        try coders.use { coder throws(CakeError) in
            guard let base else {
                return try object.read(
                    piece: index, with: coder, stored: stored, into: plain, hashedLater: hashedLater)
            }
            let beside = plainChunks.take()
            defer { plainChunks.giveBack(beside) }
            try base.read(piece: index, with: coder, stored: stored, into: beside, hashedLater: hashedLater)
            try object.read(
                piece: index, with: coder, base: beside, stored: stored, into: plain, hashedLater: hashedLater)
        }
        return false
    }
}
