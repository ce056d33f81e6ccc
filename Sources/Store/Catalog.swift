internal import Model
internal import Platform
internal import Synchronization

/// All files of the index together: which layers lie in packs, and what is known of objects without opening them. It is a
/// view that was true when it was read; the disk decides.
final class Catalog: Sendable {
    private struct State {
        var files: [IndexFile] = []
        /// Packs that are there, whole, with their open files once somebody read from them.
        var packs: [Digest: File?] = [:]
    }

    private let layout: Layout
    private let state = Mutex(State())

    init(_ layout: Layout) throws(CakeError) {
        self.layout = layout
        try reload()
    }

    /// Reads what is on disk now. Indexes that cannot be read are passed over, packs that none of them names are walked.
    func reload() throws(CakeError) {
        var files: [IndexFile] = []
        for name in try Disk.names(in: layout.index) {
            guard let digest = Layout.digest(in: name, suffix: Layout.indexSuffix) else { continue }
            if let file = try? IndexFile(digest, .mapped(MappedFile(layout.indexFile(digest)))) { files.append(file) }
        }
        var known: [Digest: UInt64] = [:]
        for file in files { for pack in file.packs { known[pack.digest] = pack.size } }
        var packs: [Digest: File?] = [:]
        for name in try Disk.names(in: layout.packs) {
            guard let digest = Layout.digest(in: name, suffix: Layout.packSuffix),
                let status = try Disk.status(layout.pack(digest))
            else { continue }
            packs[digest] = .some(nil)
            if known[digest] != status.size { files.append(try walk(digest)) }
        }
        let state = State(files: files, packs: packs)
        self.state.withLock { $0 = state }
    }

    /// The newest record of a layer whose pack is still there.
    func record(of layer: Digest) -> IndexRecord? {
        state.withLock { state in
            var alone: IndexRecord?
            for file in state.files {
                guard let record = file.record(of: layer) else { continue }
                switch record.place {
                case .alone: alone = record
                case .pack(let pack, _): if state.packs[pack] != nil { return record }
                }
            }
            return alone
        }
    }

    /// Every record, those of packs that are gone left out; a layer may come more than once.
    func forEach(_ body: (IndexRecord) -> Void) {
        let (files, packs) = state.withLock { ($0.files, Set($0.packs.keys)) }
        for file in files {
            file.forEach { record in
                if case .pack(let pack, _) = record.place, !packs.contains(pack) { return }
                body(record)
            }
        }
    }

    var packs: [Digest] { state.withLock { Array($0.packs.keys) } }
    var indexFiles: [Digest] { state.withLock { $0.files.map(\.digest) } }

    func add(_ file: IndexFile) {
        state.withLock { state in
            state.files.append(file)
            for pack in file.packs where state.packs[pack.digest] == nil { state.packs[pack.digest] = .some(nil) }
        }
    }

    /// A pack opened for reading, kept open for the next reader.
    func open(_ pack: Digest) throws(CakeError) -> File {
        if let file = state.withLock({ $0.packs[pack] ?? nil }) { return file }
        let file = try File(layout.pack(pack), .read)
        state.withLock { $0.packs[pack] = .some(file) }
        return file
    }

    /// Makes the index of a pack by walking its frames, and keeps it where the store can be written to.
    private func walk(_ pack: Digest) throws(CakeError) -> IndexFile {
        let (records, size) = try PackWalk.records(of: pack, at: layout.pack(pack))
        let bytes = IndexFile.encode(records, packs: [IndexFile.Pack(digest: pack, size: size)])
        let digest = SHA256.digest(of: bytes.span)
        let aside = layout.incoming + "/" + digest.hex + Layout.indexSuffix
        do {
            try Disk.remove(aside)
            let file = try File(aside, .create)
            try file.write(bytes.span, at: 0)
            try file.sync()
            try Disk.rename(aside, to: layout.indexFile(digest))
            return try IndexFile(digest, .mapped(MappedFile(layout.indexFile(digest))))
        } catch {
            try? Disk.remove(aside)
            return try IndexFile(digest, .memory(Chunk(copying: bytes.span)))
        }
    }
}
