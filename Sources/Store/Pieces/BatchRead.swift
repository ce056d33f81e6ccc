package import Model
package import Platform
internal import Synchronization

/// Many parts of layers, read in one go into memory of the caller. All threads take pieces from one list: many small layers
/// keep them as busy as a few large ones.
package struct BatchRead: Sendable {
    /// Bytes of a layer, and where they go.
    package struct Part: Sendable {
        package let layer: Layer
        package let bytes: Range<UInt64>
        fileprivate let room: LentMemory

        /// The range is not empty, and the room has its length.
        package init(_ bytes: Range<UInt64>, of layer: Layer, into room: LentMemory) {
            (self.layer, self.bytes, self.room) = (layer, bytes, room)
        }

        var isWhole: Bool { bytes == 0..<layer.size }

        /// The first of the pieces that it needs.
        var first: Int { Int(bytes.lowerBound / Part.pieceSize) }
        var pieces: Int { Int((bytes.upperBound - 1) / Part.pieceSize) - first + 1 }

        static let pieceSize = UInt64(LayerReader.pieceSize)
    }

    package enum End: Error {
        case cancelled
        /// The part with this number.
        case unreadable(Int, CakeError)
    }

    private let parts: [Part]
    private let pieces: Extents
    private let reader: LayerReader
    private let cancel: CancelFlag
    /// Of parts of several pieces that are compared with their digest.
    private let hashes: [Int: FollowingHash]
    private let comparesDigests: Bool
    private let progress = Progress()

    private final class Progress: Sendable {
        let next = Atomic<UInt64>(0)
        let end = Mutex<End?>(nil)
    }

    /// With `comparingDigests`, layers that are read whole are compared with their digests; everything else with the checksums of
    /// its pieces.
    package init(_ parts: [Part], by reader: LayerReader, comparingDigests: Bool, until cancel: CancelFlag) {
        self.parts = parts
        self.reader = reader
        self.cancel = cancel
        comparesDigests = comparingDigests
        pieces = Extents(parts.lazy.map { UInt64($0.pieces) })
        var hashes: [Int: FollowingHash] = [:]
        if comparingDigests {
            for (number, part) in parts.enumerated() where part.isWhole && part.pieces > 1 {
                hashes[number] = FollowingHash(pieces: part.pieces)
            }
        }
        self.hashes = hashes
    }

    /// Returns when all bytes are there, or throws an `End`. The calling thread waits.
    package func callAsFunction(threads: Int) throws(End) {
        let useful = Int(min(UInt64(max(1, threads)), pieces.whole.upperBound))
        if useful > 1 { OwnThread.together(useful) { work() } } else { work() }
        if let end = progress.end.withLock({ $0 }) { throw end }
        // A hash that was left for it proves nothing.
        if cancel.isSet { throw .cancelled }
    }

    private func work() {
        while true {
            let piece = progress.next.add(1, ordering: .relaxed).oldValue
            guard piece < pieces.whole.upperBound else { return }
            if cancel.isSet { return stop(.cancelled) }
            if isOver { return }
            let number = pieces.index(at: piece)
            do throws(CakeError) {
                try read(Int(piece - pieces[number].lowerBound), of: number)
            } catch {
                return stop(.unreadable(number, error))
            }
        }
    }

    /// Cancelled, or failed elsewhere.
    private var isOver: Bool { cancel.isSet || progress.end.withLock { $0 != nil } }

    private func stop(_ end: End) { progress.end.withLock { $0 = $0 ?? end } }

    private func read(_ place: Int, of number: Int) throws(CakeError) {
        let part = parts[number]
        if place == 0 { startReading(after: number) }
        let index = part.first + place
        let start = UInt64(index) * Part.pieceSize
        let piece = start..<start + LayerReader.size(ofPiece: index, of: part.layer)
        let wanted = piece.clamped(to: part.bytes)
        let room = part.room[
            Int(wanted.lowerBound - part.bytes.lowerBound)..<Int(wanted.upperBound - part.bytes.lowerBound)]
        let isHashed = comparesDigests && part.isWhole
        if wanted == piece {
            try fill(room, index, of: part.layer, hashedLater: isHashed)
        } else {
            let chunk = try reader.piece(index, of: part.layer)
            defer { reader.giveBack(chunk) }
            try check(chunk, piece, of: part.layer)
            let bytes = Int(wanted.lowerBound - start)..<Int(wanted.upperBound - start)
            chunk.withBytes { room.chunk.copy($0.extracting(bytes)) }
        }
        guard isHashed else { return }
        let found: Digest?
        if let hash = hashes[number] {
            let whole = part.room
            found = hash.add(place, while: { !isOver }) { place in
                let start = place * LayerReader.pieceSize
                return whole[start..<min(whole.count, start + LayerReader.pieceSize)].chunk
            }
        } else {
            found = room.chunk.withBytes { SHA256.digest(of: $0) }
        }
        guard let found, found != part.layer.digest else { return }
        throw CakeError(
            .damaged, "layer \(part.layer.digest.short) is damaged: its bytes hash to \(found.short)")
    }

    /// Decodes to where the bytes belong.
    private func fill(
        _ room: LentMemory, _ index: Int, of layer: Layer, hashedLater: Bool
    ) throws(CakeError) {
        let chunk = room.chunk
        _ = try reader.read(index, of: layer, into: chunk, hashedLater: hashedLater)
        guard chunk.count == room.count else { throw BatchRead.otherLength(layer) }
    }

    private func check(_ chunk: Chunk, _ piece: Range<UInt64>, of layer: Layer) throws(CakeError) {
        guard chunk.count == Int(piece.upperBound - piece.lowerBound) else { throw BatchRead.otherLength(layer) }
    }

    private static func otherLength(_ layer: Layer) -> CakeError {
        CakeError(.damaged, "layer \(layer.digest.short) has a piece of another length")
    }

    /// The disk is started on the large layers that come next.
    private func startReading(after number: Int) {
        for next in parts.dropFirst(number + 1).prefix(LayerReader.aheadCount) where next.isWhole && next.pieces > 1 {
            reader.startReading(next.layer)
        }
    }
}

/// The hash of a layer whose pieces come in any order. The thread that brings the next one hashes it while it is still in the
/// processor's cache, and then those that wait behind it.
private final class FollowingHash: Sendable {
    private struct Turn {
        var next = 0
        var waiting: Set<Int> = []
        var isTaken = false
    }

    private let count: Int
    private let turn = Mutex(Turn())
    private let hash = Mutex(SHA256())

    init(pieces: Int) { count = pieces }

    /// A piece is there; returns the digest if it was the last one.
    func add(_ place: Int, while goesOn: () -> Bool, _ bytes: (Int) -> Chunk) -> Digest? {
        let isMine = turn.withLock { turn in
            turn.waiting.insert(place)
            defer { turn.isTaken = true }
            return !turn.isTaken
        }
        guard isMine else { return nil }
        while goesOn(), let next = takeNext() {
            let chunk = bytes(next)
            hash.withLock { hash in chunk.withBytes { hash.update($0) } }
            if next == count - 1 {
                return hash.withLock { hash in
                    var whole = SHA256()
                    swap(&whole, &hash)
                    return whole.finish()
                }
            }
        }
        return nil
    }

    private func takeNext() -> Int? {
        turn.withLock { turn in
            guard turn.waiting.remove(turn.next) != nil else {
                turn.isTaken = false
                return nil
            }
            turn.next += 1
            return turn.next - 1
        }
    }
}
