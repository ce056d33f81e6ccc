internal import Codec
public import Model
public import Platform

extension LocalStore {
    /// Layers under this are made in memory and go into a pack; from it on a layer is a file of its own.
    public static let smallLimit: UInt64 = 1 << 20

    /// The digest of a layer, and a checksum for each piece, by which a second reading is checked.
    public struct Reading: Sendable {
        public let layer: Layer
        let marks: [UInt64]
        /// The pieces themselves, for a small layer: then there is no second reading.
        let kept: [Chunk]
    }

    /// Layers up to this size stay in memory between being named and being encoded: less with many cores, since each is
    /// at work on one.
    private static let keptLimit = (144 << 20) / UInt64(BlockingPool.processors + 1)

    /// And all of them together no more than this.
    static let keptBytes: UInt64 = 64 << 20

    /// Reads a layer's bytes once, to name it.
    public func read(_ plain: PlainBytes) throws -> Reading {
        try read(plain) { hash, bytes in hash.update(bytes) }
    }

    /// The same, for the name of something larger that they are a part of, too.
    public func read(_ plain: PlainBytes, alsoInto whole: inout SHA256) throws -> Reading {
        try read(plain) { hash, bytes in SHA256.update(&hash, &whole, bytes) }
    }

    /// The same, while another hash goes on.
    package func read(_ plain: PlainBytes, carrying other: CarriedHash) throws -> Reading {
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        return try read(plain) { hash, bytes throws(CakeError) in try other.update(&hash, bytes, through: chunk) }
    }

    private func read(
        _ plain: PlainBytes, _ take: (inout SHA256, Span<UInt8>) throws(CakeError) -> Void
    ) throws -> Reading {
        var hash = SHA256()
        if plain.count <= LocalStore.keptLimit, keptRoom.take(plain.count) {
            var kept: [Chunk] = []
            do {
                for index in 0..<plain.pieces {
                    try Task.checkCancellation()
                    kept.append(plainChunks.take())
                    try plain.fill(piece: index, into: kept[index]) { bytes throws(CakeError) in
                        try take(&hash, bytes)
                    }
                }
            } catch {
                for chunk in kept { plainChunks.giveBack(chunk) }
                keptRoom.giveBack(plain.count)
                throw error
            }
            return Reading(layer: Layer(digest: hash.finish(), size: plain.count), marks: [], kept: kept)
        }
        var marks: [UInt64] = []
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        for index in 0..<plain.pieces {
            try Task.checkCancellation()
            try plain.fill(piece: index, into: chunk) { bytes throws(CakeError) in try take(&hash, bytes) }
            marks.append(chunk.withBytes { Checksum.of($0) })
        }
        return Reading(layer: Layer(digest: hash.finish(), size: plain.count), marks: marks, kept: [])
    }

    /// Feeds plain bytes to hashes that go over more than one run of them.
    public func forEachChunk(
        of plain: PlainBytes, _ body: (Span<UInt8>) throws(CakeError) -> Void
    ) throws {
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        var offset: UInt64 = 0
        while offset < plain.count {
            try Task.checkCancellation()
            let count = Int(min(PlainBytes.step, plain.count - offset))
            try plain.fill(chunk, from: offset, count: count)
            try chunk.withBytes(body)
            offset += UInt64(count)
        }
    }

    /// All readers of a layer have released it.
    public func release(_ reading: Reading) {
        for chunk in reading.kept { plainChunks.giveBack(chunk) }
        if !reading.kept.isEmpty { keptRoom.giveBack(reading.layer.size) }
    }

    /// Writes the object of a layer into the operation's folder: read again piece by piece, encoded on all cores,
    /// written in order. Publishing makes it part of the store. It becomes a delta against the best offered base if
    /// that is smaller.
    public func ingest(
        _ plain: PlainBytes, _ reading: Reading, kind: Tensor.Kind?, bases offered: [Layer] = [],
        in operation: Operation,
        progress: (UInt64) -> Void
    ) async throws {
        let base = try chooseBase(for: reading.layer, plain, kind?.dtype, among: offered, in: operation)
        do {
            operation.add(try await write(plain, reading, kind, beside: base, in: operation, progress))
        } catch let error as CakeError where base != nil && error.kind == .damaged {
            // A problem with a base does not stop a layer from being stored.
            operation.add(try await write(plain, reading, kind, beside: nil, in: operation, progress))
        }
    }

    /// Writes the object aside; the caller decides whether to publish it.
    func write(
        _ plain: PlainBytes, _ reading: Reading, _ kind: Tensor.Kind?, beside offered: StoredObject?,
        in operation: Operation, _ progress: (UInt64) -> Void
    ) async throws -> WrittenObject {
        let encoding = try chooseEncoding(for: plain, kind, beside: offered)
        let base = encoding.form.needsBase ? offered : nil
        if let base {
            operation.becomesDelta(reading.layer, of: base.header.layer.digest)
        } else {
            operation.keepsPlain(reading.layer)
        }
        let header = ObjectHeader(layer: reading.layer, form: encoding.form, base: base?.header.layer.digest)
        let headerBytes = header.encoded
        let path = operation.folder + "/" + reading.layer.digest.hex
        let file = try File(path, .create)
        do {
            try file.write(headerBytes.span, at: 0)
            var length = UInt64(headerBytes.count)
            var frames: [SeekTable.Frame] = []
            if let factors = encoding.factors {
                frames = try write(factors) { bytes throws(CakeError) in
                    try file.write(bytes, at: length)
                    length += UInt64(bytes.count)
                }
            }
            var written: UInt64 = 0
            try await inOrder(plain.pieces, atOnce: 2 * BlockingPool.processors + 2, on: pool) { index in
                try encode(piece: index, of: plain, reading, encoding, base)
            } take: { index, piece in
                defer { storedChunks.giveBack(piece.stored) }
                try piece.stored.withBytes { bytes throws(CakeError) in
                    try file.write(bytes, at: length)
                }
                length += UInt64(piece.stored.count)
                progress(UInt64(header.plainSize(ofPiece: UInt64(index))))
                frames += piece.frames
                if length - written >= LocalStore.writeStep {
                    file.startWriting(from: written, count: length - written)
                    written = length
                }
            }
            let table = SeekTable.encode(headerLength: headerBytes.count, frames: frames)
            try file.write(table.span, at: length)
            length += UInt64(table.count)
            file.startWriting(from: written, count: length - written)
            try file.finish()
            let record = IndexRecord(
                layer: reading.layer, storedLength: length, place: .alone, transform: header.transform,
                base: header.base)
            return WrittenObject(record: record, path: path)
        } catch {
            try? Disk.remove(path)
            throw error
        }
    }

    private func write(
        _ factors: Factors, _ take: (Span<UInt8>) throws(CakeError) -> Void
    ) throws(CakeError) -> [SeekTable.Frame] {
        let stored = storedChunks.take()
        defer { storedChunks.giveBack(stored) }
        return try coders.use { coder throws(CakeError) in try factors.encode(with: coder, stored, take) }
    }

    /// The disk starts writing after this many bytes: the sync at the end then has little left.
    private static let writeStep: UInt64 = 8 << 20

    private func encode(
        piece index: Int, of plain: PlainBytes, _ reading: Reading, _ encoding: Encoding, _ base: StoredObject?
    ) throws -> EncodedPiece {
        try Task.checkCancellation()
        if !reading.kept.isEmpty { return try encode(reading.kept[index], index, encoding, base) }
        let chunk = plainChunks.take()
        defer { plainChunks.giveBack(chunk) }
        try plain.fill(piece: index, into: chunk)
        guard chunk.withBytes(Checksum.of) == reading.marks[index] else {
            throw CakeError(
                .failed, "\(Printable.escape(plain.path)) changed while it was read",
                fix: "wait until nothing writes to it, and run it again")
        }
        return try encode(chunk, index, encoding, base)
    }

    /// A piece's frames, one after the other.
    private struct EncodedPiece: Sendable {
        let stored: Chunk
        let frames: [SeekTable.Frame]
    }

    private func encode(
        _ chunk: Chunk, _ index: Int, _ encoding: Encoding, _ base: StoredObject?
    ) throws(CakeError) -> EncodedPiece {
        let beside = base == nil ? nil : plainChunks.take()
        defer { if let beside { plainChunks.giveBack(beside) } }
        if let base, let beside { try read(piece: index, of: base, base: nil, into: beside) }
        let stored = storedChunks.take()
        do throws(CakeError) {
            let frames = try chunk.withBytes { bytes throws(CakeError) in
                try coders.use { coder throws(CakeError) in
                    try coder.encode(
                        bytes, encoding, base: beside, adding: encoding.addend(piece: index), into: stored)
                }
            }
            return EncodedPiece(stored: stored, frames: frames)
        } catch {
            storedChunks.giveBack(stored)
            throw error
        }
    }

    private func chooseEncoding(
        for plain: PlainBytes, _ kind: Tensor.Kind?, beside base: StoredObject?
    ) throws(CakeError) -> Encoding {
        let (piece, stored) = (plainChunks.take(), storedChunks.take())
        defer {
            plainChunks.giveBack(piece)
            storedChunks.giveBack(stored)
        }
        return try coders.use { coder throws(CakeError) in
            let alone = try Encoding.choose(for: plain, dtype: kind?.dtype, coder: coder, piece: piece, stored: stored)
            guard let base else { return alone.encoding }
            let beside = plainChunks.take()
            defer { plainChunks.giveBack(beside) }
            return try Encoding.choose(
                for: plain, kind, or: alone, coder: coder, piece: piece, stored: stored, beside: beside
            ) { index, room throws(CakeError) in
                try read(piece: index, of: base, base: nil, into: room)
            }
        }
    }
}
