internal import Model
internal import Platform
internal import Synchronization

/// Files as a Xet server stores them: cut into chunks, and every chunk once, in the xorb of the file that had it first.
/// Separate repositories share nothing: their common chunks are in two places.
final class Xorbs: Sendable {
    /// A chunk and where its bytes are on this disk.
    struct Piece: Sendable {
        let hash: XetHash
        let place: String
        let offset: UInt64
        let size: Int

        /// What stands before it in a xorb: version, stored length, scheme (none), plain length.
        var header: [UInt8] {
            let length = (0..<3).map { UInt8(truncatingIfNeeded: size >> ($0 * 8)) }
            return [0] + length + [0] + length
        }
    }

    struct Xorb: Sendable {
        let hash: XetHash
        let pieces: [Piece]

        /// Bytes of these chunks as they lie in the xorb.
        func bytes(of chunks: Range<Int>) -> Range<UInt64> {
            let length = { (pieces: ArraySlice<Piece>) in pieces.reduce(0) { $0 + UInt64($1.size) + 8 } }
            let start = length(pieces[..<chunks.lowerBound])
            return start..<start + length(pieces[chunks])
        }
    }

    struct Term: Hashable, Sendable {
        var xorb: Int
        var chunks: Range<Int>
    }

    struct File: Sendable {
        let hash: XetHash
        let size: UInt64
        let terms: [Term]
    }

    private struct Key: Hashable {
        let group: String
        let hash: XetHash
    }

    private struct State {
        var known: [String: (stamp: FileStamp, file: File)] = [:]
        var files: [Key: File] = [:]
        /// Which repositories have a file.
        var owners: [Key: Set<String>] = [:]
        var places: [Key: (xorb: Int, chunk: Int)] = [:]
        var xorbs: [Xorb] = []
    }

    private let state = Mutex(State())
    private let limit: (chunks: Int, bytes: UInt64)
    private let shortestRun: Int

    init(_ settings: HubSettings) {
        limit = (min(settings.xorbChunks, 8192), 64 << 20)
        shortestRun = settings.shortestXetRun
    }

    /// Takes a file in when it is new or has changed. `group` is what it shares chunks with.
    func hash(of file: HubFile, in repository: String, group: String) -> XetHash? {
        guard case .file(let stamp) = Folder.kind(file.place), let open = OpenFile(file.place) else { return nil }
        // Held while hashing: the next request for the same file waits instead of hashing it again.
        return state.withLock { state in
            let id = group + "\n" + file.place
            var found = state.known[id]
            if found?.stamp != stamp {
                let file = add(open, &state, group)
                found = (stamp, file)
                state.known[id] = found
            }
            guard let file = found?.file else { return nil }
            let key = Key(group: group, hash: file.hash)
            state.owners[key, default: []].insert(repository)
            return file.hash
        }
    }

    func file(_ hash: XetHash, in repository: String, group: String) -> File? {
        state.withLock { state in
            let key = Key(group: group, hash: hash)
            return state.owners[key]?.contains(repository) == true ? state.files[key] : nil
        }
    }

    /// The file that was taken in from this place, in whatever group.
    func file(at place: String) -> File? {
        state.withLock { state in state.known.first { $0.key.hasSuffix("\n" + place) }?.value.file }
    }

    func xorb(_ number: Int) -> Xorb { state.withLock { $0.xorbs[number] } }

    func xorb(named hash: String) -> Xorb? { state.withLock { $0.xorbs.first { $0.hash.text == hash } } }

    private func add(_ open: OpenFile, _ state: inout State, _ group: String) -> File {
        var chunker = XetChunker()
        var chunks: [XetChunk] = []
        var offset: UInt64 = 0
        while offset < open.size {
            let slice = open.bytes(offset..<min(offset + 1 << 20, open.size))
            if slice.isEmpty { break }
            chunker.update(slice.span) { chunks.append($0) }
            offset += UInt64(slice.count)
        }
        if let last = chunker.finish() { chunks.append(last) }
        var tree = XetTree()
        for chunk in chunks { tree.add(chunk) }
        let file = File(
            hash: tree.fileHash(), size: open.size, terms: place(chunks, from: open.path, &state, group))
        state.files[Key(group: group, hash: file.hash)] = file
        return file
    }

    private func place(_ chunks: [XetChunk], from path: String, _ state: inout State, _ group: String) -> [Term] {
        var terms: [Term] = []
        var fresh: [Piece] = []
        var freshBytes: UInt64 = 0
        var starts: [UInt64] = []
        starts.reserveCapacity(chunks.count)
        var end: UInt64 = 0
        for chunk in chunks {
            starts.append(end)
            end += UInt64(chunk.size)
        }
        func seal() {
            guard !fresh.isEmpty else { return }
            var tree = XetTree()
            for piece in fresh { tree.add(XetChunk(hash: piece.hash, size: piece.size)) }
            state.xorbs.append(Xorb(hash: tree.root() ?? .empty, pieces: fresh))
            (fresh, freshBytes) = ([], 0)
        }
        func add(_ xorb: Int, _ chunk: Int) {
            if let last = terms.last, last.xorb == xorb, last.chunks.upperBound == chunk {
                terms[terms.count - 1].chunks = last.chunks.lowerBound..<chunk + 1
            } else {
                terms.append(Term(xorb: xorb, chunks: chunk..<chunk + 1))
            }
        }
        var index = 0
        while index < chunks.count {
            // What is known from here on, as long as it lies in a row.
            var run: [(xorb: Int, chunk: Int)] = []
            for chunk in chunks[index...] {
                guard let place = state.places[Key(group: group, hash: chunk.hash)] else { break }
                if let last = run.last, last != (place.xorb, place.chunk - 1) { break }
                run.append(place)
            }
            if !run.isEmpty, run.count >= shortestRun {
                for place in run { add(place.xorb, place.chunk) }
            } else {
                for (number, chunk) in chunks[index..<index + max(1, run.count)].enumerated() {
                    if fresh.count == limit.chunks || freshBytes + UInt64(chunk.size) + 8 > limit.bytes { seal() }
                    let place = (xorb: state.xorbs.count, chunk: fresh.count)
                    if number >= run.count { state.places[Key(group: group, hash: chunk.hash)] = place }
                    add(place.xorb, place.chunk)
                    fresh.append(Piece(hash: chunk.hash, place: path, offset: starts[index + number], size: chunk.size))
                    freshBytes += UInt64(chunk.size) + 8
                }
            }
            index += max(1, run.count)
        }
        seal()
        return terms
    }
}
