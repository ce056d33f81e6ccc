package import Codec
internal import Model
internal import Platform

/// An object written aside with its final bytes, not yet part of the store.
package struct WrittenObject: Sendable {
    package let record: IndexRecord
    package let path: String
}

/// An object small enough to be made in memory.
package struct SmallObject: Sendable {
    let layer: Layer
    package let transform: ObjectHeader.Transform
    let base: Digest?
    package let bytes: [UInt8]
}

/// Objects that an operation has written and not yet published.
struct Pending: ~Copyable, Sendable {
    var objects: [WrittenObject] = []
    private(set) var packs: [FinishedPack] = []
    private var open: PackWriter?
    private(set) var bytesInPacks: UInt64 = 0

    /// A pack is closed before it would exceed this: gc then rewrites little at a time.
    static let packLimit: UInt64 = 256 << 20

    init() {}

    var bytes: UInt64 { objects.reduce(bytesInPacks) { $0 + $1.record.storedLength } }

    mutating func pack(_ object: SmallObject, in folder: String) throws(CakeError) {
        if let writer = open, writer.length + UInt64(object.bytes.count) > Pending.packLimit {
            packs.append(try writer.finish())
            open = nil
        }
        let writer: PackWriter
        if let open { writer = open } else { writer = try PackWriter(folder + "/pack-\(packs.count)") }
        open = writer
        try writer.append(object)
        bytesInPacks += UInt64(object.bytes.count)
    }

    /// Of all written objects, except packs that are still open.
    var records: [IndexRecord] { objects.map(\.record) + packs.flatMap(\.records) }

    /// Ends the open pack, and takes deltas out that must not be published.
    mutating func close(in folder: String, without refused: Set<Digest>) throws(CakeError) {
        if let open { packs.append(try open.finish()) }
        open = nil
        func isRefused(_ record: IndexRecord) -> Bool { record.base != nil && refused.contains(record.layer.digest) }
        for object in objects where isRefused(object.record) { try Disk.remove(object.path) }
        objects.removeAll { isRefused($0.record) }
        var left: [FinishedPack] = []
        for (number, pack) in packs.enumerated() {
            guard pack.records.contains(where: isRefused) else {
                left.append(pack)
                continue
            }
            if let again = try pack.without(isRefused, writing: folder + "/pack-again-\(number)") {
                left.append(again)
            }
            // Its name is free again for the packs that the operation writes next.
            try Disk.remove(pack.path)
        }
        packs = left
        bytesInPacks = packs.reduce(0) { $0 + $1.size }
    }

    /// Stored bytes, and the packs with some of them.
    typealias Published = (bytes: UInt64, packs: [Digest])

    /// Of the closed packs.
    consuming func publish(to store: LocalStore, from folder: String) throws(CakeError) -> Published {
        guard !objects.isEmpty || !packs.isEmpty else { return (0, []) }
        let (layout, objects, packs, total) = (store.layout, objects, packs, bytes)
        let index = IndexFile.encode(
            records,
            packs: packs.map { IndexFile.Pack(digest: $0.digest, size: $0.size) })
        let indexDigest = SHA256.digest(of: index.span)
        let indexPath = folder + "/" + indexDigest.hex + Layout.indexSuffix
        let file = try File(indexPath, .create)
        try file.write(index.span, at: 0)
        try file.finish()
        try Durable.sync(files: objects.map(\.path) + packs.map(\.path) + [indexPath], on: layout.root)
        var folders: Set<String> = []
        for object in objects {
            let digest = object.record.layer.digest
            try Disk.rename(object.path, to: layout.object(digest))
            folders.insert(layout.shard(of: digest))
        }
        for pack in packs { try Disk.rename(pack.path, to: layout.pack(pack.digest)) }
        if !packs.isEmpty { folders.insert(layout.packs) }
        try Disk.rename(indexPath, to: layout.indexFile(indexDigest))
        try Durable.sync(folders: folders.sorted(), on: layout.root)
        do {
            let file = try MappedFile(layout.indexFile(indexDigest))
            store.catalog.add(try IndexFile(indexDigest, .mapped(file), .current))
        } catch let error where error.kind == .notFound {
            // A collection has already folded it into another.
            try store.catalog.reload(checking: false)
        }
        return (total, packs.map(\.digest))
    }
}

/// A pack being written: small objects one after the other. Guarded by the lock of its operation.
final class PackWriter: @unchecked Sendable {
    private let file: File
    private var hash = SHA256()
    private(set) var length: UInt64 = 0
    private var members: [Member] = []

    private struct Member {
        let layer: Layer
        let transform: ObjectHeader.Transform
        let base: Digest?
        let offset: UInt64
        let storedLength: UInt64
    }

    init(_ path: String) throws(CakeError) { file = try File(path, .create) }

    func append(_ object: SmallObject) throws(CakeError) {
        try file.write(object.bytes.span, at: length)
        hash.update(object.bytes.span)
        members.append(
            Member(
                layer: object.layer, transform: object.transform, base: object.base, offset: length,
                storedLength: UInt64(object.bytes.count)))
        length += UInt64(object.bytes.count)
    }

    func finish() throws(CakeError) -> FinishedPack {
        try file.finish()
        var hash = SHA256()
        swap(&hash, &self.hash)
        let digest = hash.finish()
        let records = members.map { member in
            IndexRecord(
                layer: member.layer, storedLength: member.storedLength, place: .pack(digest, offset: member.offset),
                transform: member.transform, base: member.base)
        }
        return FinishedPack(path: file.path, digest: digest, size: length, records: records)
    }
}

struct FinishedPack: Sendable {
    let path: String
    let digest: Digest
    let size: UInt64
    let records: [IndexRecord]

    /// A pack of the other members; nil if there are none.
    func without(_ isRefused: (IndexRecord) -> Bool, writing path: String) throws(CakeError) -> FinishedPack? {
        let file = try File(self.path, .read)
        let writer = try PackWriter(path)
        for record in records where !isRefused(record) {
            guard case .pack(_, let offset) = record.place else { continue }
            try writer.append(
                SmallObject(
                    layer: record.layer, transform: record.transform, base: record.base,
                    bytes: file.bytes(at: offset, count: Int(record.storedLength))))
        }
        guard writer.length > 0 else {
            try Disk.remove(path)
            return nil
        }
        return try writer.finish()
    }
}

/// Getting bytes to the disk: one by one when they are few, the whole file system at once when they are many.
enum Durable {
    private static let few = 8

    static func sync(files: [String], on root: String) throws(CakeError) {
        guard files.count <= few else { return try Disk.syncAll(root) }
        for path in files { try File(path, .read).sync() }
    }

    static func sync(folders: [String], on root: String) throws(CakeError) {
        guard folders.count <= few else { return try Disk.syncAll(root) }
        for path in folders { try Disk.syncFolder(path) }
    }
}
