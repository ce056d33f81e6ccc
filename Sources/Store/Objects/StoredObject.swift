package import Codec
package import Model
package import Platform

/// An object opened for reading: its first frame and seek table were read and agree with each other, its pieces are read
/// and decoded one by one.
package struct StoredObject: Sendable {
    package let file: File
    package let start: UInt64
    package let length: UInt64
    package let header: ObjectHeader
    let form: Form
    let table: SeekTable
    let factors = KeptFactors()

    /// The object of `layer` in `length` bytes of `file` from `start` on.
    package init(_ layer: Layer, in file: File, at start: UInt64, length: UInt64) throws(CakeError) {
        let headRoom = Int(min(length, UInt64(4096)))
        var head = try file.bytes(at: start, count: headRoom)
        if ObjectHeader.needs(head.span) > head.count {
            let needed = ObjectHeader.needs(head.span)
            guard UInt64(needed) <= length else {
                throw CakeError(.damaged, "layer \(layer.digest.short) is cut short")
            }
            head = try file.bytes(at: start, count: needed)
        }
        let (header, headerLength) = try ObjectHeader.decode(head.span)
        guard header.layer == layer else {
            throw CakeError(
                .damaged, "the object of layer \(layer.digest.short) holds another, \(header.layer.digest.short)")
        }
        guard let form = Form(header) else {
            guard !header.transform.isKnown else {
                throw CakeError(.damaged, "the first frame of layer \(layer.digest.short) is not valid")
            }
            throw CakeError(
                .failed,
                "layer \(layer.digest.short) is stored by transform \(header.transform.rawValue), unknown here",
                fix: "a newer cake wrote it; use a newer cake", cause: .newer)
        }
        guard let tableLength = SeekTable.length(for: header), UInt64(headerLength + tableLength) <= length else {
            throw CakeError(.damaged, "layer \(layer.digest.short) is cut short: its object has \(length) bytes")
        }
        let tableStart = Int(length) - tableLength
        if Int(length) <= head.count {
            table = try SeekTable(
                head.span.extracting(tableStart..<Int(length)), of: header, headerLength: headerLength,
                objectLength: length)
        } else {
            let bytes = try file.bytes(at: start + UInt64(tableStart), count: tableLength)
            table = try SeekTable(bytes.span, of: header, headerLength: headerLength, objectLength: length)
        }
        self.file = file
        self.start = start
        self.length = length
        self.header = header
        self.form = form
    }

    var pieces: Int { Int(header.pieces) }

    /// The place of a piece's frames.
    func place(ofPiece index: Int) -> (first: UInt64, last: UInt64) {
        let frames = form.framesPerPiece
        let before = header.sizesAhead.count + index * frames
        return (table.offsets[before], table.offsets[before + frames])
    }

    /// Puts a piece's bytes into `plain` if the object has them uncompressed; false otherwise, and where their checksum
    /// differs.
    func readRaw(piece index: Int, into plain: Chunk, hashedLater: Bool) throws(CakeError) -> Bool {
        let (first, last) = place(ofPiece: index)
        guard form == .plain,
            let frame = RawFrame(length: Int(last - first), plain: header.plainSize(ofPiece: UInt64(index)))
        else { return false }
        return try frame.read(from: file, at: start + first, into: plain, hashedLater: hashedLater)
    }

    /// Puts a piece's plain bytes into `plain`. `stored` is memory for its frames, and `base` the base's piece.
    func read(
        piece index: Int, with coder: Coder, base: Chunk? = nil, stored: Chunk, into plain: Chunk,
        hashedLater: Bool = false
    ) throws(CakeError) {
        let size = header.plainSize(ofPiece: UInt64(index))
        let (first, last) = place(ofPiece: index)
        guard last - first <= UInt64(stored.capacity), size <= plain.capacity else {
            throw CakeError(.damaged, "a piece of layer \(header.layer.digest.short) is larger than the limit")
        }
        let addend = try factors(with: coder, stored, room: plain).map {
            Addend($0, piece: index, pieceSize: header.pieceSize)
        }
        try file.fill(stored, from: start + first, count: Int(last - first))
        plain.count = size
        let held = table.held.isEmpty ? size : table.held[index]
        do {
            try stored.withBytes { frames throws(CakeError) in
                try plain.withRoom { room throws(CakeError) in
                    var exact = room._mutatingExtracting(0..<size)
                    try coder.decode(
                        frames, holding: held, form, base: base, adding: addend, filling: &exact,
                        hashedLater: hashedLater)
                }
            }
        } catch {
            throw CakeError(.damaged, "layer \(header.layer.digest.short): \(error.what)")
        }
    }
}
