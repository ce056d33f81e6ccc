public import Model
internal import Platform

extension LocalStore {
    /// Layers under this are made in memory and go into a pack; from it on a layer is a file of its own.
    public static let smallLimit: UInt64 = 1 << 20

    /// What a layer is called, and a mark for each piece by which a second reading is known to have seen the same bytes.
    public struct Reading: Sendable {
        public let layer: Layer
        let marks: [UInt64]
    }

    /// Reads a layer's bytes once, for their name.
    public func read(_ plain: PlainBytes) throws -> Reading {
        var hash = SHA256()
        var marks: [UInt64] = []
        try forEachChunk(of: plain) { bytes in
            hash.update(bytes)
            marks.append(Checksum.of(bytes))
        }
        return Reading(layer: Layer(digest: hash.finish(), size: plain.count), marks: marks)
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
            try await inOrder(reading.marks.count, atOnce: 2 * BlockingPool.processors + 2, on: pool) { index in
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
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        let offset = UInt64(index) << UInt64(ObjectHeader.standardPieceBits)
        try plain.fill(chunk, from: offset, count: Int(min(UInt64(chunk.capacity), plain.count - offset)))
        guard chunk.withBytes(Checksum.of) == reading.marks[index] else {
            throw CakeError(
                .failed, "\(Printable.escape(plain.path)) changed while it was read",
                fix: "wait until nothing writes to it, and run it again")
        }
        let frame = storedChunks.take()
        do {
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
