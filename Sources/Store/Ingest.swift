public import Model
internal import Platform

extension LocalStore {
    /// Layers under this are made in memory and go into a pack; from it on a layer is a file of its own.
    public static let smallLimit: UInt64 = 1 << 20

    /// What a layer is called, and a mark for each piece by which a second reading is known to have seen the same bytes.
    public struct Reading: Sendable {
        public let layer: Layer
        let marks: [UInt64]
        /// The pieces themselves, of a layer that is small enough: then there is no second reading.
        let kept: [Chunk]
    }

    /// Layers up to this size stay in memory between being named and being encoded: less with many cores, since each is
    /// at work on one.
    private static let keptLimit = (72 << 20) / UInt64(BlockingPool.processors + 1)

    /// Reads a layer's bytes once, for their name.
    public func read(_ plain: PlainBytes) throws -> Reading {
        var hash = SHA256()
        guard plain.count > LocalStore.keptLimit else {
            var kept: [Chunk] = []
            do {
                for index in 0..<plain.pieces {
                    try Task.checkCancellation()
                    kept.append(plainChunks.take())
                    try plain.fill(piece: index, into: kept[index])
                    kept[index].withBytes { hash.update($0) }
                }
            } catch {
                for chunk in kept { plainChunks.giveBack(chunk) }
                throw error
            }
            return Reading(layer: Layer(digest: hash.finish(), size: plain.count), marks: [], kept: kept)
        }
        var marks: [UInt64] = []
        try forEachChunk(of: plain) { bytes in
            hash.update(bytes)
            marks.append(Checksum.of(bytes))
        }
        return Reading(layer: Layer(digest: hash.finish(), size: plain.count), marks: marks, kept: [])
    }

    /// Feeds plain bytes to hashes that go over more than one run of them.
    public func forEachChunk(of plain: PlainBytes, _ body: (Span<UInt8>) -> Void) throws {
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        var offset: UInt64 = 0
        while offset < plain.count {
            try Task.checkCancellation()
            let count = Int(min(UInt64(chunk.capacity), plain.count - offset))
            try plain.fill(chunk, from: offset, count: count)
            chunk.withBytes(body)
            offset += UInt64(count)
        }
    }

    /// Everybody who has read a layer lets go of it.
    public func release(_ reading: Reading) {
        for chunk in reading.kept { plainChunks.giveBack(chunk) }
    }

    /// Writes the object of a layer aside, in the operation's folder: read again piece by piece, encoded on all cores,
    /// written in order. Publishing makes it part of the store.
    public func ingest(
        _ plain: PlainBytes, _ reading: Reading, isTensor: Bool, in operation: Operation, progress: (UInt64) -> Void
    ) async throws {
        let header = ObjectHeader(layer: reading.layer)
        let encoding = try chooseEncoding(for: plain, isTensor: isTensor)
        let headerBytes = header.encoded
        let path = operation.folder + "/" + reading.layer.digest.hex
        let file = try File(path, .create)
        do {
            var hash = SHA256()
            hash.update(headerBytes.span)
            try file.write(headerBytes.span, at: 0)
            var length = UInt64(headerBytes.count)
            var frames: [(stored: Int, plain: Int)] = []
            var written: UInt64 = 0
            try await inOrder(plain.pieces, atOnce: 2 * BlockingPool.processors + 2, on: pool) { index in
                try encode(piece: index, of: plain, reading, encoding)
            } take: { index, frame in
                defer { storedChunks.giveBack(frame) }
                try frame.withBytes { bytes throws(CakeError) in
                    hash.update(bytes)
                    try file.write(bytes, at: length)
                }
                length += UInt64(frame.count)
                progress(UInt64(header.plainSize(ofPiece: UInt64(index))))
                frames.append((frame.count, header.plainSize(ofPiece: UInt64(index))))
                if length - written >= LocalStore.writeStep {
                    file.startWriting(from: written, count: length - written)
                    written = length
                }
            }
            let table = SeekTable.encode(headerLength: headerBytes.count, frames: frames)
            hash.update(table.span)
            try file.write(table.span, at: length)
            length += UInt64(table.count)
            file.startWriting(from: written, count: length - written)
            let record = IndexRecord(
                layer: reading.layer, storedDigest: hash.finish(), storedLength: length, place: .alone,
                transform: .none, base: nil)
            operation.add(WrittenObject(record: record, path: path))
        } catch {
            try? Disk.remove(path)
            throw error
        }
    }

    /// The disk is set to work after this much, so that the sync at the end finds little left.
    private static let writeStep: UInt64 = 8 << 20

    private func encode(
        piece index: Int, of plain: PlainBytes, _ reading: Reading, _ encoding: Encoding
    ) throws -> Chunk {
        try Task.checkCancellation()
        if !reading.kept.isEmpty { return try encode(reading.kept[index], encoding) }
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        try plain.fill(piece: index, into: chunk)
        guard chunk.withBytes(Checksum.of) == reading.marks[index] else {
            throw CakeError(
                .failed, "\(Printable.escape(plain.path)) changed while it was read",
                fix: "wait until nothing writes to it, and run it again")
        }
        return try encode(chunk, encoding)
    }

    private func encode(_ chunk: Chunk, _ encoding: Encoding) throws(CakeError) -> Chunk {
        let frame = storedChunks.take()
        do throws(CakeError) {
            try chunk.withBytes { bytes throws(CakeError) in
                try coders.use { coder throws(CakeError) in try coder.encode(bytes, encoding.effort, into: frame) }
            }
        } catch {
            storedChunks.giveBack(frame)
            throw error
        }
        return frame
    }

    private func chooseEncoding(for plain: PlainBytes, isTensor: Bool) throws(CakeError) -> Encoding {
        let (piece, frame) = (plainChunks.take(), storedChunks.take())
        defer {
            plainChunks.giveBack(piece)
            storedChunks.giveBack(frame)
        }
        return try coders.use { coder throws(CakeError) in
            try Encoding.choose(for: plain, isTensor: isTensor, coder: coder, piece: piece, frame: frame)
        }
    }
}
