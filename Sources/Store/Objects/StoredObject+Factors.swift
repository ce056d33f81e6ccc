internal import Codec
internal import Model
internal import Platform
internal import Synchronization

/// The factors of an object that is open, once they were read.
final class KeptFactors: Sendable {
    fileprivate let read = Mutex<Factors?>(nil)
}

extension StoredObject {
    /// The memory of the factors once they are read.
    var factorBytes: Int {
        if case .lowRank(let lowRank) = form { 4 * lowRank.count } else { 0 }
    }

    /// The factors of a low rank, nil for other forms. The chunks are work memory.
    func factors(with coder: Coder, _ stored: Chunk, room: Chunk) throws(CakeError) -> Factors? {
        guard case .lowRank(let lowRank) = form else { return nil }
        return try factors.read.withLock { kept throws(CakeError) in
            if let kept { return kept }
            do throws(CakeError) {
                kept = try read(lowRank, with: coder, stored, room: room)
            } catch {
                throw CakeError(.damaged, "the factors of layer \(header.layer.digest.short): \(error.what)")
            }
            return kept
        }
    }

    private func read(
        _ lowRank: LowRank, with coder: Coder, _ stored: Chunk, room: Chunk
    ) throws(CakeError) -> Factors {
        let frames = Factors.form.framesPerPiece
        var numbers: [Float] = []
        for (index, size) in lowRank.sizes(pieceSize: header.pieceSize).enumerated() {
            let (first, last) = (table.offsets[index * frames], table.offsets[(index + 1) * frames])
            guard last - first <= UInt64(stored.capacity), size <= room.capacity else {
                throw CakeError(.damaged, "a piece is larger than the limit")
            }
            try file.fill(stored, from: start + first, count: Int(last - first))
            try stored.withBytes { frames throws(CakeError) in
                try room.fill(size) { plain throws(CakeError) in
                    try coder.decode(frames, holding: size, Factors.form, filling: &plain)
                }
            }
            room.withWords(UInt32.self) { words in
                for index in words.indices { numbers.append(Float(bitPattern: words[index])) }
            }
        }
        guard let factors = Factors(lowRank, numbers) else {
            throw CakeError(.damaged, "they are not all numbers")
        }
        return factors
    }
}
