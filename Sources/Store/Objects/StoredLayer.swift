internal import Codec
public import Model
internal import Platform
internal import Synchronization

/// A layer's object, to be sent as it is.
public struct StoredLayer: Sendable {
    public let layer: Layer
    /// As they are stored.
    public let bytes: PlainBytes
    public let transform: UInt8
    public let base: Digest?
}

extension LocalStore {
    /// The object of a layer that is here or below.
    public func stored(_ layer: Layer) throws(CakeError) -> StoredLayer {
        let object = try openAnywhere(layer).object
        return StoredLayer(
            layer: layer, bytes: PlainBytes(file: object.file, start: object.start, count: object.length),
            transform: object.header.transform.rawValue, base: object.header.base)
    }

    /// Whether there are objects of the layer and of its base, here or below, valid or not.
    package func hasObjects(of layer: Layer) throws(CakeError) -> Bool {
        for place in [self] + lower {
            guard try place.hasObject(of: layer) else { continue }
            guard let base = place.catalog.record(of: layer.digest)?.base else { return true }
            return try place.hasObject(of: Layer(digest: base, size: layer.size))
        }
        return false
    }

    private func hasObject(of layer: Layer) throws(CakeError) -> Bool {
        if case .pack(let pack, _) = catalog.record(of: layer.digest)?.place, try catalog.isThere(pack) { return true }
        return try Disk.exists(layout.object(layer.digest))
    }

    /// The layer's object as it would be without a base: no part of the store.
    public func storedAlone(
        _ layer: Layer, kind: Tensor.Kind?, in operation: Operation, _ scratch: ScratchObjects
    ) async throws -> StoredLayer {
        let plain = PlainBytes(layer, in: LayerReader(self))
        let (bytes, transform): (PlainBytes, ObjectHeader.Transform)
        switch try await writeAnew(layer, plain, kind, beside: nil, in: operation) {
        case .alone(let object):
            defer { try? Disk.remove(object.path) }
            let written = PlainBytes(file: try File(object.path, .read), start: 0, count: object.record.storedLength)
            bytes = try scratch.append(written, through: plainChunks)
            transform = object.record.transform
        case .packed(let object):
            bytes = try scratch.append(object.bytes.span)
            transform = object.transform
        }
        return StoredLayer(layer: layer, bytes: bytes, transform: transform.rawValue, base: nil)
    }
}

/// Objects that were made to be sent, one after the other in a file without a name: gone with the last owner.
public final class ScratchObjects: Sendable {
    private let file: File
    private let length = Mutex<UInt64>(0)

    public init(in operation: Operation) throws(CakeError) {
        let folder = try Disk.makeUniqueFolder(in: operation.folder, prefix: "aside-")
        file = try File(folder + "/objects", .create)
        try Disk.removeTree(folder)
    }

    fileprivate func append(_ bytes: Span<UInt8>) throws(CakeError) -> PlainBytes {
        let start = reserve(UInt64(bytes.count))
        try file.write(bytes, at: start)
        return PlainBytes(file: file, start: start, count: UInt64(bytes.count))
    }

    fileprivate func append(_ plain: PlainBytes, through chunks: ChunkPool) throws(CakeError) -> PlainBytes {
        let start = reserve(plain.count)
        let chunk = chunks.take()
        defer { chunks.giveBack(chunk) }
        try plain.forEachChunk(through: chunk) { offset, bytes throws(CakeError) in
            try file.write(bytes, at: start + offset)
        }
        return PlainBytes(file: file, start: start, count: plain.count)
    }

    private func reserve(_ count: UInt64) -> UInt64 {
        length.withLock { length in
            defer { length += count }
            return length
        }
    }
}
