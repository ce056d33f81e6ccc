package import Model
package import Platform
internal import Synchronization

/// Turns pieces into frames and back: zstd's two contexts and work memory. Used by one task at a time.
package final class Coder: @unchecked Sendable {
    /// Capacity for one stored piece, in the largest number of frames.
    package static let storedCapacity = ZstdEncoder.bound(Form.limit) + 4096

    private var encoder = ZstdEncoder()
    private var decoder = ZstdDecoder()
    private var grouped = GroupedDelta()
    /// A piece between its plain bytes and its frames.
    private let rewritten = Chunk(capacity: Form.limit)
    /// The differences of a piece, before they are planes.
    private let values = Chunk(capacity: 1 << Int(ObjectHeader.standardPieceBits))
    /// The prediction that factors make from a base's piece.
    private let predicted = Chunk(capacity: 1 << Int(ObjectHeader.standardPieceBits))
    private let readBack = Chunk(capacity: 1 << Int(ObjectHeader.standardPieceBits))

    package init() {}

    /// Encodes a piece into `stored`, and decodes it again before its result is used: zstd has shipped an encoder that
    /// lost data. `base` is the base's piece, if the form needs one, and `adding` the addend to it.
    package func encode(
        _ piece: Span<UInt8>, _ encoding: Encoding, base: Chunk? = nil, adding: Addend? = nil, into stored: Chunk
    ) throws(CakeError) -> [SeekTable.Frame] {
        let frames = try write(piece, encoding, base: base, adding: adding, into: stored)
        let isRight = try stored.withBytes { bytes throws(CakeError) in
            if encoding.form == .plain { return try holds(piece, bytes, encoding.efforts[0]) }
            try readBack(bytes, frames, encoding.efforts)
            readBack.count = piece.count
            try readBack.withRoom { room throws(CakeError) in
                var exact = room._mutatingExtracting(0..<piece.count)
                try undo(encoding.form, base: base, adding, filling: &exact)
            }
            return readBack.holds(piece)
        }
        guard isRight else {
            throw CakeError(
                .failed, "a piece was encoded that does not decode to itself",
                fix: "report it with the zstd version: zstd -V")
        }
        return frames
    }

    /// Whether the one frame of a piece that was not rewritten holds it.
    private func holds(_ piece: Span<UInt8>, _ frame: Span<UInt8>, _ effort: ZstdEffort) throws(CakeError) -> Bool {
        if effort == .none { return RawFrame.holds(piece, frame) }
        readBack.count = piece.count
        try readBack.withRoom { room throws(CakeError) in
            var exact = room._mutatingExtracting(0..<piece.count)
            try decoder.decode(frame, filling: &exact)
        }
        return readBack.holds(piece)
    }

    /// Replaces the rewritten piece by what its frames decode to. Of one that was only framed, this has been compared.
    private func readBack(
        _ bytes: Span<UInt8>, _ frames: [SeekTable.Frame], _ efforts: [ZstdEffort]
    ) throws(CakeError) {
        var (start, end) = (0, 0)
        for (index, frame) in frames.enumerated() {
            let stored = bytes.extracting(start..<start + frame.stored)
            let part = end..<end + frame.plain
            start += frame.stored
            end += frame.plain
            if efforts[index] == .none, rewritten.withBytes({ RawFrame.holds($0.extracting(part), stored) }) {
                continue
            }
            try rewritten.withRoom { room throws(CakeError) in
                var exact = room._mutatingExtracting(part)
                try decoder.decode(stored, filling: &exact)
            }
        }
    }

    /// Encodes without reading back: to measure an encoding.
    package func write(
        _ piece: Span<UInt8>, _ encoding: Encoding, base: Chunk? = nil, adding: Addend? = nil, into stored: Chunk
    ) throws(CakeError) -> [SeekTable.Frame] {
        let form = encoding.form
        if form == .plain { return try writeFrames(piece, [piece.count], [], encoding, into: stored) }
        var (sizes, cuts): ([Int], [Int]) = (form.frameSizes(ofPiece: piece.count) ?? [], [])
        if case .planes(let width) = form {
            rewritten.fill(piece.count) { Planes.split(piece, width: width, isRotated: true, into: &$0) }
        } else {
            let base = try besides(base, adding, piece.count, form)
            base.withBytes { base in
                if let layout = form.groupedLayout {
                    rewritten.withRoom { room in
                        let result = grouped.encode(piece, base, layout, into: &room)
                        (sizes, cuts) = ([result.first, result.second], result.cuts)
                    }
                    rewritten.count = sizes.reduce(0, +)
                } else {
                    differ(piece, base, form)
                }
            }
        }
        return try rewritten.withBytes { bytes throws(CakeError) in
            try writeFrames(bytes, sizes, cuts, encoding, into: stored)
        }
    }

    private func writeFrames(
        _ bytes: Span<UInt8>, _ sizes: [Int], _ cuts: [Int], _ encoding: Encoding, into stored: Chunk
    ) throws(CakeError) -> [SeekTable.Frame] {
        var frames: [SeekTable.Frame] = []
        var (start, end) = (0, 0)
        for (index, size) in sizes.enumerated() {
            let part = bytes.extracting(start..<start + size)
            let length = try stored.withRoom { room throws(CakeError) in
                var rest = room._mutatingExtracting(end..<room.count)
                return try encoder.encode(part, into: &rest, encoding.efforts[index], cuts: index == 0 ? cuts : [])
            }
            frames.append((length, size))
            start += size
            end += length
        }
        stored.count = end
        return frames
    }

    /// Undoes `encode`. The frames of a piece contain so many bytes, and must fill the output exactly.
    package func decode(
        _ frames: Span<UInt8>, holding count: Int, _ form: Form, base: Chunk? = nil,
        adding: Addend? = nil, filling room: inout MutableSpan<UInt8>, hashedLater: Bool = false
    ) throws(CakeError) {
        if form == .plain { return try decoder.decode(frames, filling: &room, hashedLater: hashedLater) }
        guard form.sizes(ofPiece: room.count).contains(count) else {
            throw CakeError(.damaged, "a piece of \(room.count) bytes is made of \(count)")
        }
        try rewritten.withRoom { rewritten throws(CakeError) in
            var exact = rewritten._mutatingExtracting(0..<count)
            try decoder.decode(frames, filling: &exact, hashedLater: hashedLater)
        }
        rewritten.count = count
        try undo(form, base: base, adding, filling: &room)
    }

    /// Undoes the form of the rewritten piece, whose length has been checked.
    private func undo(_ form: Form, base: Chunk?, _ adding: Addend?, filling room: inout MutableSpan<UInt8>)
        throws(CakeError)
    {
        if case .planes(let width) = form {
            return rewritten.withBytes { Planes.merge($0, width: width, isRotated: true, into: &room) }
        }
        let base = try besides(base, adding, room.count, form)
        try base.withBytes { base throws(CakeError) in
            try rewritten.withBytes { rewritten throws(CakeError) in
                if let layout = form.groupedLayout {
                    try grouped.decode(rewritten, base, layout, filling: &room)
                } else {
                    undiffer(rewritten, base, form, filling: &room)
                }
            }
        }
    }

    /// The same for a rewritten piece without a frame: fuzzing need not find zstd's checksums.
    func undo(
        _ rewritten: Span<UInt8>, _ form: Form, base: Chunk?, adding: Addend? = nil,
        filling room: inout MutableSpan<UInt8>
    ) throws(CakeError) {
        guard form.sizes(ofPiece: room.count).contains(rewritten.count) else { return }
        self.rewritten.fill(rewritten.count) { $0.copy(rewritten) }
        if form != .plain { try undo(form, base: base, adding, filling: &room) }
    }

    /// The reference that a piece is coded against: the base's piece, or the prediction from factors.
    private func besides(_ base: Chunk?, _ adding: Addend?, _ count: Int, _ form: Form) throws(CakeError) -> Chunk {
        guard let base, base.count == count else {
            throw CakeError(.damaged, "a delta against a base of another size")
        }
        guard case .lowRank(let lowRank) = form else { return base }
        guard let adding, adding.factors.lowRank == lowRank, adding.fits(count) else {
            throw CakeError(.damaged, "a delta with factors of another shape")
        }
        predicted.fill(count) { room in base.withBytes { adding.predict($0, into: &room) } }
        return predicted
    }

    /// Leaves the planes of the differences in `rewritten`, and after them the bytes that are not a whole element.
    private func differ(_ piece: Span<UInt8>, _ base: Span<UInt8>, _ form: Form) {
        let (width, whole) = (form.framesPerPiece, piece.count / form.framesPerPiece * form.framesPerPiece)
        values.fill(piece.count) { room in
            var target = room._mutatingExtracting(0..<whole)
            let (one, other) = (piece.extracting(0..<whole), base.extracting(0..<whole))
            if case .difference(_, let areFloats) = form {
                Deltas.difference(one, other, width: width, areFloats: areFloats, into: &target)
            } else {
                Deltas.xor(one, other, into: &target)
            }
            room.copy(piece.extracting(whole..<piece.count), at: whole)
        }
        values.withBytes { values in
            rewritten.fill(piece.count) { Planes.split(values, width: width, isRotated: false, into: &$0) }
        }
    }

    private func undiffer(
        _ rewritten: Span<UInt8>, _ base: Span<UInt8>, _ form: Form, filling room: inout MutableSpan<UInt8>
    ) {
        let (width, whole) = (form.framesPerPiece, room.count / form.framesPerPiece * form.framesPerPiece)
        values.fill(room.count) { Planes.merge(rewritten, width: width, isRotated: false, into: &$0) }
        values.withBytes { values in
            var target = room._mutatingExtracting(0..<whole)
            let (one, other) = (values.extracting(0..<whole), base.extracting(0..<whole))
            if case .difference(_, let areFloats) = form {
                Deltas.sum(one, other, width: width, areFloats: areFloats, into: &target)
            } else {
                Deltas.xor(one, other, into: &target)
            }
            room.copy(values.extracting(whole..<room.count), at: whole)
        }
    }
}

/// Coders that wait to be used again.
package final class Coders: Sendable {
    private let waiting = Mutex<[Coder]>([])

    package init() {}

    package func use<Result, Failure: Error>(_ body: (Coder) throws(Failure) -> Result) throws(Failure) -> Result {
        let coder = waiting.withLock { $0.popLast() } ?? Coder()
        defer { waiting.withLock { $0.append(coder) } }
        return try body(coder)
    }
}
