internal import Model
internal import Platform
internal import Synchronization

/// All files of the index together: which layers are in packs, and facts about objects without opening them. It is a
/// snapshot from when it was read; the disk decides.
final class Catalog: Sendable {
    struct Pack: Sendable {
        let size: UInt64
        /// Open after its first use.
        var file: File?
    }

    private struct State {
        var files: [IndexFile] = []
        var packs: [Digest: Pack] = [:]
        /// The names on disk that this was read from.
        var listing = Listing(index: [], packs: [])
        /// Whether the bytes of the index were compared with its names.
        var isChecked = false
        /// How often it was read again.
        var readings = 0

        func holds(_ record: IndexRecord) -> Bool {
            guard case .pack(let pack, _) = record.place else { return true }
            // An index of a pack that has another size now does not describe this one.
            return packs[pack].map { $0.size == record.packSize } ?? false
        }

        /// The same, for all records of a file.
        func areHere(_ packs: [IndexFile.Pack]) -> [Bool] {
            packs.map { pack in self.packs[pack.digest].map { $0.size == pack.size } ?? false }
        }
    }

    private struct Listing: Equatable {
        let index: [IndexName]
        let packs: [String]
    }

    let layout: Layout
    private let state = Mutex(State())

    /// Whether derived files are saved on disk.
    private let mayWrite: Bool

    init(_ layout: Layout, mayWrite: Bool) throws(CakeError) {
        self.mayWrite = mayWrite
        self.layout = layout
        try reload(checking: false)
    }

    /// Reads the files on disk now. Indexes that cannot be read are skipped, packs that none of them lists are scanned.
    /// Checking finds every damaged index; without it only invalid ones.
    func reload(checking: Bool) throws(CakeError) {
        // Folding removes an index after another has replaced it: a missing index means an old list.
        for attempt in 0..<5 {
            if let state = try read(checking: checking, acceptingGaps: attempt == 4) {
                return self.state.withLock { old in
                    let readings = old.readings + 1
                    old = state
                    old.readings = readings
                }
            }
        }
    }

    /// The reading of the disk that answers come from now.
    var reading: Int { state.withLock { $0.readings } }

    /// Reads the disk again if it may have changed since the given reading; false if there is nothing new. Another task
    /// may have done so meanwhile. Without `checking` a damaged index may be trusted.
    func refresh(since seen: Int, checking: Bool = true) throws(CakeError) -> Bool {
        if reading != seen { return true }
        let now = try list()
        if state.withLock({ ($0.isChecked || !checking) && $0.listing == now && $0.readings == seen }) { return false }
        try reload(checking: checking)
        return true
    }

    private func list() throws(CakeError) -> Listing {
        Listing(index: try layout.indexNames(), packs: try Disk.names(in: layout.packs))
    }

    private func read(checking: Bool, acceptingGaps: Bool) throws(CakeError) -> State? {
        var state = State(listing: try list(), isChecked: checking)
        for entry in state.listing.index {
            guard let digest = Layout.digest(in: entry.name, suffix: Layout.indexSuffix) else { continue }
            let path = layout.indexFile(digest, entry.shape)
            do {
                let file = try IndexFile(digest, .mapped(MappedFile(path)), entry.shape)
                if checking { try file.check() }
                state.files.append(file)
            } catch {
                if error.kind == .notFound, !acceptingGaps { return nil }
                // Scanning the packs finds its content; it must not be used again.
                if error.kind == .damaged, mayWrite { try? Disk.remove(path) }
            }
        }
        var known: [Digest: UInt64] = [:]
        for file in state.files { for pack in file.packs { known[pack.digest] = pack.size } }
        for name in state.listing.packs {
            guard let digest = Layout.digest(in: name, suffix: Layout.packSuffix),
                let status = try Disk.status(layout.pack(digest))
            else { continue }
            do {
                if known[digest] != status.size { state.files.append(try walk(digest)) }
                state.packs[digest] = Pack(size: status.size)
            } catch {
                // A collection has just removed it.
                guard error.kind == .notFound else { throw error }
            }
        }
        return state
    }

    /// The newest record of a layer whose pack is still there; of copies in packs one that needs no base.
    func record(of layer: Digest) -> IndexRecord? {
        // A copy: tasks that search at once need not wait for each other.
        let state = state.withLock { $0 }
        var best: IndexRecord?
        for file in state.files {
            for record in file.records(of: layer) where state.holds(record) {
                if case .pack = record.place {
                    if record.base == nil { return record }
                    best = record
                } else if best?.base == nil {
                    best = record
                }
            }
        }
        return best
    }

    /// Every record, except those of missing packs; a layer may come more than once.
    func forEach(_ body: (IndexRecord) -> Void) {
        let state = state.withLock { $0 }
        for file in state.files { file.forEach(inPacks: state.areHere(file.packs), body) }
    }

    /// Every layer that a record names as a base, except records of missing packs.
    func bases() -> DigestSet {
        let state = state.withLock { $0 }
        var bases = DigestSet()
        for file in state.files { file.forEachBase(inPacks: state.areHere(file.packs)) { bases.insert($0) } }
        return bases
    }

    /// Those of which no record says that they are files of their own.
    func withoutRecord(_ alone: [Digest]) -> [Digest] {
        guard !alone.isEmpty else { return [] }
        let files = files
        return alone.filter { digest in
            !files.contains { $0.records(of: digest).contains { $0.place == .alone } }
        }
    }

    var files: [IndexFile] { state.withLock { $0.files } }

    func add(_ file: IndexFile) {
        state.withLock { state in
            state.files.append(file)
            for pack in file.packs where state.packs[pack.digest] == nil {
                state.packs[pack.digest] = Pack(size: pack.size)
            }
        }
    }

    /// Whether a pack is on disk, with all its bytes: another process may have removed it since this was read.
    func isThere(_ pack: Digest) throws(CakeError) -> Bool {
        guard let known = state.withLock({ $0.packs[pack]?.size }) else { return false }
        return try Disk.status(layout.pack(pack))?.size == known
    }

    /// A pack opened for reading, kept open for the next reader.
    func open(_ pack: Digest) throws(CakeError) -> File {
        if let file = state.withLock({ $0.packs[pack]?.file }) { return file }
        let file = try File(layout.pack(pack), .read)
        state.withLock { $0.packs[pack]?.file = file }
        return file
    }

    /// Makes the index of a pack by walking its frames, and keeps it where the store can be written to.
    private func walk(_ pack: Digest) throws(CakeError) -> IndexFile {
        let (records, size) = try PackWalk.records(of: pack, at: layout.pack(pack))
        let bytes = IndexFile.encode(records, packs: [IndexFile.Pack(digest: pack, size: size)])
        let digest = SHA256.digest(of: bytes.span)
        guard mayWrite, let aside = try? Disk.makeUniqueFolder(in: layout.incoming, prefix: "index-") else {
            return try IndexFile(digest, .memory(Chunk(copying: bytes.span)), .current)
        }
        defer { try? Disk.removeTree(aside) }
        do {
            let file = try File(aside + "/index", .create)
            try file.write(bytes.span, at: 0)
            try file.sync()
            try Disk.rename(aside + "/index", to: layout.indexFile(digest))
            return try IndexFile(digest, .mapped(MappedFile(layout.indexFile(digest))), .current)
        } catch {
            return try IndexFile(digest, .memory(Chunk(copying: bytes.span)), .current)
        }
    }
}
