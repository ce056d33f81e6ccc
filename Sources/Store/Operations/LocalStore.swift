internal import Codec
public import Model
public import Platform

/// The layers and names on this disk. A value that many tasks share; many processes may have the same store open.
public struct LocalStore: Sendable {
    public let layout: Layout
    /// Where its work waits and computes.
    public let pool: BlockingPool
    /// False on a read-only disk: then everything that only reads still works.
    public let isWritable: Bool
    /// Whether it is opened as one that lies below, only to be read.
    let isBelow: Bool
    /// Stores below this one, only read: their contents count as here, and nothing is written there.
    public let lower: [LocalStore]
    let catalog: Catalog
    let coders = Coders()
    /// Git's names of files, by their SHA-256: finding them takes reading the files.
    let gitDigests = BoundedCache<Digest, GitDigest>(room: 200_000)
    let manifests = FolderCache<Digest, Manifest>(room: 100_000) { $0.files.reduce(1) { $0 + $1.segments.count } }
    /// A server lists all names for each search.
    let records = FolderCache<ModelName, NameRecord>(room: 50_000)
    let plainChunks = ChunkPool(chunkCapacity: 1 << Int(ObjectHeader.standardPieceBits))
    let keptRoom = KeptRoom(LocalStore.keptBytes)
    let storedChunks = ChunkPool(chunkCapacity: Coder.storedCapacity)

    static let version = 1

    /// Opens the store, and makes it if it does not exist. Of the stores below, the first is searched first.
    public init(at root: String, pool: BlockingPool, lower: [String] = []) throws(CakeError) {
        layout = Layout(root: Disk.absolute(root))
        self.pool = pool
        isBelow = false
        isWritable = try LocalStore.prepare(layout)
        catalog = try Catalog(layout, mayWrite: isWritable)
        var below: [LocalStore] = []
        for path in lower { below.append(try LocalStore(below: path, pool: pool)) }
        self.lower = below
    }

    /// Opens a store that is there. If there is none, the first of those below takes its place, and is only read.
    package init(existing root: String, pool: BlockingPool, lower: [String]) throws(CakeError) {
        if try LocalStore.exists(at: root) {
            try self.init(at: root, pool: pool, lower: lower)
            return
        }
        guard let first = lower.first else {
            throw CakeError(
                .notFound, "there is no store in \(Printable.escape(Disk.absolute(root)))",
                fix: "check the folder; cake pull and cake import make a store")
        }
        try self.init(below: first, pool: pool, lower: Array(lower.dropFirst()))
    }

    /// Opens a store for reading only.
    private init(below root: String, pool: BlockingPool, lower: [String] = []) throws(CakeError) {
        layout = Layout(root: Disk.absolute(root))
        self.pool = pool
        (isBelow, isWritable) = (true, false)
        guard let text = try LocalStore.readVersion(layout) else {
            throw CakeError(
                .notFound, "CAKE_LOWER names \(Printable.escape(layout.root)), and there is no store",
                fix: "check the folders in CAKE_LOWER")
        }
        try LocalStore.check(text, layout)
        catalog = try Catalog(layout, mayWrite: false)
        var below: [LocalStore] = []
        for path in lower { below.append(try LocalStore(below: path, pool: pool)) }
        self.lower = below
    }

    /// True if the folder has a store, of any version.
    public static func exists(at root: String) throws(CakeError) -> Bool { try Disk.exists(Layout(root: root).version) }

    /// True if a store can be made in the folder: it has no files but cake's.
    public static func isUnused(_ root: String) throws(CakeError) -> Bool {
        try Disk.names(in: root).allSatisfy(isOurs(Layout(root: root)))
    }

    /// Makes missing parts. A kill after any step leaves a store that this repairs.
    private static func prepare(_ layout: Layout) throws(CakeError) -> Bool {
        if let text = try readVersion(layout) {
            try check(text, layout)
            // The mark is written last: everything else is there, unless it was removed.
            var isWhole = true
            for folder in layout.folders where try !Disk.exists(folder) { isWhole = false }
            if isWhole || !Disk.isWritable(layout.root) { return isWhole && Disk.isWritable(layout.incoming) }
        } else if try Disk.exists(layout.root), try !Disk.names(in: layout.root).allSatisfy(isOurs(layout)) {
            throw CakeError(
                .failed, "\(Printable.escape(layout.root)) is not a store, and not empty",
                fix: "choose another folder with --store or CAKE_HOME")
        }
        try Disk.makeFolders(layout.root)
        for folder in layout.folders { try Disk.makeFolder(folder) }
        for name in Layout.shards { try Disk.makeFolder(layout.shard(name)) }
        try Disk.syncFolder(layout.objects)
        try Disk.syncFolder(layout.root)
        if try readVersion(layout) == nil {
            let aside = try Disk.makeUniqueFolder(in: layout.incoming, prefix: "version-")
            let file = try File(aside + "/version", .create)
            let text = Array("cake store \(version)\n".utf8)
            try file.write(text.span, at: 0)
            try file.sync()
            try Disk.rename(aside + "/version", to: layout.version)
            try Disk.syncFolder(layout.root)
            try Disk.removeTree(aside)
        }
        return true
    }

    private static func isOurs(_ layout: Layout) -> (String) -> Bool {
        { name in
            let path = layout.root + "/" + name
            return layout.folders.contains(path) || path == layout.earlierIndex || name == "lost+found"
        }
    }

    private static func readVersion(_ layout: Layout) throws(CakeError) -> String? {
        guard try Disk.exists(layout.version) else { return nil }
        return String(decoding: try Disk.read(layout.version, limit: 4096), as: UTF8.self)
    }

    private static func check(_ text: String, _ layout: Layout) throws(CakeError) {
        if text == "cake store \(version)\n" { return }
        let words = text.split(whereSeparator: \.isWhitespace)
        if words.count == 3, words[0] == "cake", words[1] == "store", let found = Int(words[2]), found > version {
            throw CakeError(
                .failed, "the store \(Printable.escape(layout.root)) has version \(found); this cake knows \(version)",
                fix: "use a newer cake, or another store with --store", cause: .newer)
        }
        throw CakeError(
            .damaged, "\(Printable.escape(layout.version)) does not say which version the store has",
            fix: "if it is a store of version \(version), write \"cake store \(version)\" and a line feed into it")
    }

    /// Whether a layer is here or below: its object is on disk with its proper length, and so is its base. Bytes are
    /// checked only when they are decoded.
    public func contains(_ layer: Layer) throws(CakeError) -> Bool {
        if try holds(layer) { return true }
        for store in lower where try store.holds(layer) { return true }
        return false
    }

    /// The same of this store alone.
    func holds(_ layer: Layer) throws(CakeError) -> Bool {
        if layer.digest == .empty { return layer.size == 0 }
        guard let found = try find(layer) else { return false }
        guard let base = found.base else { return true }
        guard let other = try find(Layer(digest: base, size: layer.size)) else { return false }
        return other.base == nil
    }

    /// The place of a layer's object, or nil.
    func locate(_ layer: Layer) throws(CakeError) -> Location? { try find(layer)?.location }

    /// The place of a layer's object and its base, or nil.
    func find(_ layer: Layer) throws(CakeError) -> (location: Location, base: Digest?)? {
        var record = catalog.record(of: layer.digest)
        while let found = record, case .pack(let pack, let offset) = found.place, found.layer.size == layer.size {
            if try catalog.isThere(pack) {
                return (.pack(pack, offset: offset, length: found.storedLength), found.base)
            }
            // Another process has written the pack again without its dead members, or removed it.
            try catalog.reload(checking: false)
            record = catalog.record(of: layer.digest)
        }
        guard let status = try Disk.status(layout.object(layer.digest)), status.kind == .file else { return nil }
        if let record, record.layer.size == layer.size, record.storedLength == status.size {
            return (.alone(length: status.size), record.base)
        }
        // Its length is not known: its own first frame and seek table must agree with it.
        let file = try File(layout.object(layer.digest), .read)
        guard let object = try? StoredObject(layer, in: file, at: 0, length: status.size) else { return nil }
        return (.alone(length: status.size), object.header.base)
    }

    enum Location: Sendable {
        case alone(length: UInt64)
        case pack(Digest, offset: UInt64, length: UInt64)

        var length: UInt64 {
            switch self {
            case .alone(let length), .pack(_, _, let length): length
            }
        }

        /// What it takes on the disk.
        var room: UInt64 {
            switch self {
            case .alone(let length): DiskRoom.blocks(length)
            case .pack(_, _, let length): length
            }
        }
    }

    /// Opens a layer's object. If another process moved it meanwhile, or a damaged index was wrong, it is looked up
    /// again.
    func open(_ layer: Layer) throws(CakeError) -> StoredObject {
        var failure: CakeError
        var seen: Int
        repeat {
            seen = catalog.reading
            failure = CakeError(.notFound, "layer \(layer.digest.short) is not in the store")
            do {
                if let location = try locate(layer) { return try open(layer, at: location) }
            } catch {
                guard error.kind == .notFound || error.kind == .damaged else { throw error }
                failure = error
            }
        } while try catalog.refresh(since: seen)
        throw failure
    }

    func open(_ layer: Layer, at location: Location) throws(CakeError) -> StoredObject {
        switch location {
        case .alone(let length):
            try StoredObject(layer, in: File(layout.object(layer.digest), .read), at: 0, length: length)
        case .pack(let pack, let offset, let length):
            try StoredObject(layer, in: catalog.open(pack), at: offset, length: length)
        }
    }
}
