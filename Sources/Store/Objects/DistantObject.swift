internal import Codec
public import Model
public import Platform

/// Downloaded parts of a remote pack: a file with holes and without a name, which is gone when it is released.
public final class PackWindow: Sendable {
    fileprivate let file: File

    public init(in operation: Operation) throws(CakeError) {
        let folder = try Disk.makeUniqueFolder(in: operation.folder, prefix: "window-")
        file = try File(folder + "/pack", .create)
        try Disk.removeTree(folder)
    }

    public func write(_ bytes: Span<UInt8>, at offset: UInt64) throws(CakeError) { try file.write(bytes, at: offset) }
}

/// An object in a remote pack. It says which bytes it needs next, and is read as far as they are here.
public struct DistantObject: Sendable {
    private let object: StoredObject
    private let store: LocalStore
    private let offset: UInt64

    /// As much of an object as shows how long its first frame is, and most often holds it.
    public static let headLength: UInt64 = 4096

    /// How long the first frame is, where the first bytes of the object are here.
    public static func frameLength(of member: PackIndex.Member, in window: PackWindow) throws(CakeError) -> UInt64 {
        let start = try window.file.bytes(at: member.offset, count: 8)
        let length = UInt64(ObjectHeader.needs(start.span))
        guard length <= member.length else { throw none(of: member) }
        return length
    }

    /// The place of the seek table, if the first frame is here.
    public static func table(of member: PackIndex.Member, in window: PackWindow) throws(CakeError) -> Range<UInt64> {
        let first = Int(try frameLength(of: member, in: window))
        let head = try window.file.bytes(at: member.offset, count: first)
        let header = try ObjectHeader.decode(head.span).header
        guard header.layer == member.layer, let length = SeekTable.length(for: header),
            UInt64(length) <= member.length
        else { throw none(of: member) }
        let end = member.offset + member.length
        return end - UInt64(length)..<end
    }

    private static func none(of member: PackIndex.Member) -> CakeError {
        CakeError(.damaged, "there is no object of layer \(member.layer.digest.short) at its place")
    }

    /// Compares the object's header with the index.
    public init(_ member: PackIndex.Member, in window: PackWindow, of store: LocalStore) throws(CakeError) {
        let object = try StoredObject(member.layer, in: window.file, at: member.offset, length: member.length)
        guard object.header.base == member.base, object.header.transform.rawValue == member.transform,
            object.header.pieceBits == ObjectHeader.standardPieceBits
        else {
            throw CakeError(
                .damaged, "the object of layer \(member.layer.digest.short) is not the one in its index")
        }
        self.object = object
        self.store = store
        offset = member.offset
    }

    /// Compares all of its bytes, which are here, with their digest.
    public func checkStored(_ member: PackIndex.Member) throws(CakeError) {
        let chunk = store.plainChunks.take()
        defer { store.plainChunks.giveBack(chunk) }
        var hash = SHA256()
        var done: UInt64 = 0
        while done < object.length {
            let count = Int(min(UInt64(chunk.capacity), object.length - done))
            try object.file.fill(chunk, from: object.start + done, count: count)
            chunk.withBytes { hash.update($0) }
            done += UInt64(count)
        }
        let found = hash.finish()
        guard found == member.stored else {
            throw CakeError(.damaged, "the object of layer \(member.layer.digest.short) is not the one that was pushed")
        }
    }

    public var pieces: Int { object.pieces }

    /// The bytes between the first frame and the first piece, which every piece needs.
    public var ahead: Range<UInt64> {
        let end = object.place(ofPiece: 0).first
        return offset + min(object.table.offsets[0], end)..<offset + end
    }

    public func place(ofPiece index: Int) -> Range<UInt64> {
        let (first, last) = object.place(ofPiece: index)
        return offset + first..<offset + last
    }

    /// Lends a piece's plain bytes; `base` lends the base's, where the object has one.
    public func withPiece(
        _ index: Int, beside base: Chunk?, _ body: (Chunk) throws(CakeError) -> Void
    ) throws(CakeError) {
        let plain = store.plainChunks.take()
        defer { store.plainChunks.giveBack(plain) }
        try read(index, beside: base, into: plain)
        try body(plain)
    }

    private func read(_ index: Int, beside base: Chunk?, into plain: Chunk) throws(CakeError) {
        let stored = store.storedChunks.take()
        defer { store.storedChunks.giveBack(stored) }
        try store.coders.use { coder throws(CakeError) in
            try object.read(piece: index, with: coder, base: base, stored: stored, into: plain)
        }
    }
}
