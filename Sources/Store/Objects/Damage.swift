public import Model
internal import Platform

/// A layer whose bytes do not match its name, or are missing.
public struct Damage: Sendable {
    public let layer: Layer
    public let why: String
    public let kind: Kind
    /// The base of the delta, if that is the problem.
    public let base: Layer?

    init(layer: Layer, why: String, kind: Kind, base: Layer? = nil) {
        self.layer = layer
        self.why = why
        self.kind = kind
        self.base = base
    }

    public enum Kind: Sendable {
        case missing
        /// Its bytes are there and wrong.
        case wrong
        /// The disk cannot read its bytes; they may be right.
        case unreadable
        /// It is a delta, and may be right: its base is damaged or missing.
        case lostBase
    }
}

extension LocalStore {
    /// Reads a layer and compares its bytes with its name. Nil if it is right.
    public func check(_ layer: Layer, with reader: LayerReader, progress: (UInt64) -> Void) throws -> Damage? {
        if layer.digest == .empty { return nil }
        var hash = SHA256()
        do {
            let seen = catalog.reading
            guard try contains(layer) || catalog.refresh(since: seen) && contains(layer) else {
                if let lost = try lostBase(of: layer) { return lost }
                let isMissing = try !Disk.exists(layout.object(layer.digest))
                return Damage(
                    layer: layer, why: isMissing ? "missing" : "its object is not valid",
                    kind: isMissing ? .missing : .wrong)
            }
            for index in 0..<LayerReader.pieces(of: layer) {
                try Task.checkCancellation()
                let chunk = try reader.piece(index, of: layer)
                chunk.withBytes { hash.update($0) }
                progress(UInt64(chunk.count))
                reader.giveBack(chunk)
            }
        } catch let error as CakeError {
            if let lost = try? lostBase(of: layer) { return lost }
            // A disk that cannot read a sector says so; the other layers are still worth looking at.
            let kind: Damage.Kind =
                switch error.kind {
                case .damaged: .wrong
                case .notFound: .missing
                default: .unreadable
                }
            return Damage(layer: layer, why: error.what, kind: kind)
        }
        let found = hash.finish()
        if found == layer.digest { return nil }
        if let lost = try lostBase(of: layer) { return lost }
        return Damage(layer: layer, why: "its bytes hash to \(found.short)", kind: .wrong)
    }

    /// Of a layer that cannot be read: whether that is its base's fault, and not its own.
    private func lostBase(of layer: Layer) throws(CakeError) -> Damage? {
        guard let digest = try find(layer)?.base else { return nil }
        let base = Layer(digest: digest, size: layer.size)
        let found = try find(base)
        if let found, found.base == nil, try isWhole(base, at: found.location) { return nil }
        let state = found == nil ? "missing" : "damaged"
        return Damage(
            layer: layer, why: "a delta whose base, layer \(digest.short), is \(state)", kind: .lostBase, base: base)
    }

    /// Moves damaged objects away: the next import or pull stores them again. They are kept for inspection. A delta
    /// whose base is damaged stays; the base is moved.
    public func setAside(_ layers: [Layer]) throws(CakeError) {
        guard isWritable, !layers.isEmpty else { return }
        try withSweepLock { () throws(CakeError) in
            let layers = try layers.map { layer throws(CakeError) in try lostBase(of: layer)?.base ?? layer }
            for layer in layers { try setAsideObject(of: layer) }
            let wanted = Set(layers.map(\.digest))
            var members: [PackMembers.Member] = []
            for member in try PackMembers.all(of: self) where wanted.contains(member.layer.digest) {
                if try !isWhole(member.layer, at: member.location) { members.append(member) }
            }
            guard !members.isEmpty else { return }
            let operation = try Operation(self)
            for member in members { try keepDamaged(member, in: operation) }
            try PackMembers.drop(Set(members.map(\.place)), from: self, in: operation)
        }
    }

    /// Another process may have repaired it since it was found damaged: it is checked once more.
    private func setAsideObject(of layer: Layer) throws(CakeError) {
        let (path, aside) = (layout.object(layer.digest), layout.damagedObject(layer.digest))
        guard let status = try Disk.status(path, followingLinks: false) else { return }
        if status.kind == .file, try isWhole(layer, at: .alone(length: status.size)) { return }
        try Disk.rename(path, to: aside)
        // It changed even now: a good object was moved, and goes back.
        if try Disk.status(aside, followingLinks: false)?.inode != status.inode { try Disk.rename(aside, to: path) }
        try Disk.syncFolder(layout.shard(of: layer.digest))
    }

    /// Whether the object there decodes to the layer.
    func isWhole(_ layer: Layer, at location: Location) throws(CakeError) -> Bool {
        let plain = plainChunks.take()
        defer { plainChunks.giveBack(plain) }
        do {
            let object = try open(layer, at: location)
            let base = try openBase(of: object)
            var hash = SHA256()
            for piece in 0..<object.pieces {
                try read(piece: piece, of: object, base: base, into: plain)
                plain.withBytes { hash.update($0) }
            }
            return hash.finish() == layer.digest
        } catch {
            if error.kind == .damaged || error.kind == .notFound { return false }
            throw error
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

    /// The same if no other command holds these locks; else nothing is done.
    func withSweepLockIfFree(_ body: () throws(CakeError) -> Void) throws(CakeError) {
        let collecting = try File(layout.lock("gc"), .readWriteOrCreate)
        guard try collecting.lock(exclusive: true, waiting: false) else { return }
        defer { collecting.unlock() }
        let sweep = try File(layout.lock("sweep"), .readWriteOrCreate)
        guard try sweep.lock(exclusive: true, waiting: false) else { return }
        defer { sweep.unlock() }
        try body()
    }
}

/// Before an object gets another name by which it is believed.
extension LocalStore {
    /// Decodes a layer from its object and compares the digest. A wrong one is set aside, and the error thrown.
    public func prove(_ layer: Layer) throws(CakeError) {
        let (object, base) = try openAnywhere(layer)
        let plain = plainChunks.take()
        defer { plainChunks.giveBack(plain) }
        var why = "its bytes have another digest"
        do {
            var hash = SHA256()
            for piece in 0..<object.pieces {
                try read(piece: piece, of: object, base: base, into: plain, hashedLater: true)
                plain.withBytes { hash.update($0) }
            }
            if hash.finish() == layer.digest { return }
        } catch {
            guard error.kind == .damaged else { throw error }
            why = error.what
        }
        try setAside([layer])
        throw CakeError(
            .damaged, "layer \(layer.digest.short) is damaged: \(why)",
            fix: "cake verify --repair, or import or pull the model again")
    }
}
