public import Model
internal import Platform

/// A layer that is not what its name says, or not there.
public struct Damage: Sendable {
    public let layer: Layer
    public let why: String
    public let isMissing: Bool
}

extension LocalStore {
    /// Reads a layer and compares its bytes with its name. Nil when it is right.
    public func check(_ layer: Layer, with reader: LayerReader, progress: (UInt64) -> Void) throws -> Damage? {
        if layer.digest == .empty { return nil }
        var hash = SHA256()
        do {
            guard try contains(layer) else {
                let isMissing = try !Disk.exists(layout.object(layer.digest))
                return Damage(
                    layer: layer, why: isMissing ? "missing" : "its object cannot be read", isMissing: isMissing)
            }
            for index in 0..<LayerReader.pieces(of: layer) {
                try Task.checkCancellation()
                let chunk = try reader.piece(index, of: layer)
                chunk.withBytes { hash.update($0) }
                progress(UInt64(chunk.count))
                reader.giveBack(chunk)
            }
        } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
            return Damage(layer: layer, why: error.what, isMissing: error.kind == .notFound)
        }
        let found = hash.finish()
        if found == layer.digest { return nil }
        return Damage(layer: layer, why: "its bytes hash to \(found.short)", isMissing: false)
    }

    /// Moves damaged objects out of the way, so that the next import or pull brings them again, and forgets nothing that
    /// somebody may want to look at.
    public func setAside(_ layers: [Layer]) throws(CakeError) {
        guard isWritable else { return }
        try withSweepLock { () throws(CakeError) in
            let packed = Set(
                layers.map(\.digest).filter { digest in
                    if case .pack = catalog.record(of: digest)?.place { true } else { false }
                })
            for layer in layers where try Disk.exists(layout.object(layer.digest)) {
                try Disk.rename(layout.object(layer.digest), to: layout.damagedObject(layer.digest))
                try Disk.syncFolder(layout.shard(of: layer.digest))
            }
            guard !packed.isEmpty else { return }
            let operation = try Operation(self)
            var dropped: Set<IndexRecord.Place> = []
            for member in try PackMembers.all(of: self) where packed.contains(member.layer.digest) {
                try keepDamaged(member, in: operation)
                dropped.insert(member.place)
            }
            try PackMembers.drop(dropped, from: self, in: operation)
        }
    }

    private func keepDamaged(_ member: PackMembers.Member, in operation: Operation) throws(CakeError) {
        let bytes = try catalog.open(member.pack).bytes(at: member.offset, count: Int(member.length))
        try replace(layout.damagedObject(member.layer.digest), with: bytes, in: operation)
    }

    /// Against every claim, and every other collection.
    func withSweepLock<Result>(_ body: () throws(CakeError) -> Result) throws(CakeError) -> Result {
        let collecting = try File(layout.lock("gc"), .readWriteOrCreate)
        _ = try collecting.lock(exclusive: true, waiting: true)
        defer { collecting.unlock() }
        let sweep = try File(layout.lock("sweep"), .readWriteOrCreate)
        _ = try sweep.lock(exclusive: true, waiting: true)
        defer { sweep.unlock() }
        return try body()
    }
}
