package import Model
internal import Platform

/// Layers encoded and decoded in memory as objects are, with a clock on each step: for measurements and fuzzing, which
/// do not depend on where objects are.
package struct CodecBenchmark {
    /// Results for layers. Times are the sums over pieces of the shortest of each piece's rounds.
    package struct Outcome: Sendable {
        package var plain = 0
        package var stored = 0
        /// Finding out how to encode, once for each layer; factors are found with it.
        package var choosing = Duration.zero
        package var encoding = Duration.zero
        /// Encoding with the comparison that precedes publishing.
        package var checkedEncoding = Duration.zero
        package var decoding = Duration.zero
        package var hashing = Duration.zero
        /// Stored bytes of layers under each transform.
        package var transforms: [UInt8: Int] = [:]
    }

    package private(set) var outcome = Outcome()
    private let coder = Coder()
    private let rounds: Int
    private let piece = Chunk(capacity: 1 << 20)
    private let beside = Chunk(capacity: 1 << 20)
    private let back = Chunk(capacity: 1 << 20)
    private let stored = Chunk(capacity: Coder.storedCapacity)

    package init(rounds: Int) { self.rounds = rounds }

    /// Encodes a layer as importing does, beside a base if there is one.
    package mutating func run(_ plain: some PieceSource, _ kind: Tensor.Kind?, base: (some PieceSource)?)
        throws(CakeError)
    {
        let clock = ContinuousClock()
        let start = clock.now
        let encoding = try choose(plain, kind, base)
        outcome.choosing += clock.now - start
        var total = try encoding.factors?.stored(with: coder, stored) ?? 0
        for index in 0..<plain.pieces {
            try plain.fill(piece: index, into: piece)
            try base?.fill(piece: index, into: beside)
            total += try time(encoding, base == nil ? nil : beside, encoding.addend(piece: index))
        }
        let header = ObjectHeader(
            layer: Layer(digest: .empty, size: plain.count), form: encoding.form,
            base: encoding.form.needsBase ? .empty : nil)
        total += header.encoded.count + (SeekTable.length(for: header) ?? 0)
        outcome.plain += Int(plain.count)
        outcome.stored += total
        outcome.transforms[encoding.form.transform.rawValue, default: 0] += total
    }

    private func choose(_ plain: some PieceSource, _ kind: Tensor.Kind?, _ base: (some PieceSource)?) throws(CakeError)
        -> Encoding
    {
        if plain.count < UInt64(piece.capacity) {
            try plain.fill(piece, from: 0, count: Int(plain.count))
            try base?.fill(beside, from: 0, count: Int(plain.count))
            return try piece.withBytes { bytes throws(CakeError) in
                try Encoding.choose(
                    for: bytes, kind, base: base == nil ? nil : beside, coder: coder, stored: stored)
            }
        }
        let alone = try Encoding.choose(for: plain, dtype: kind?.dtype, coder: coder, piece: piece, stored: stored)
        guard let base else { return alone.encoding }
        return try Encoding.choose(
            for: plain, kind, or: alone, coder: coder, piece: piece, stored: stored, beside: beside
        ) { index, room throws(CakeError) in try base.fill(piece: index, into: room) }
    }

    /// Times the piece that is in its chunk; says how many bytes it takes.
    private mutating func time(
        _ encoding: Encoding, _ base: Chunk?, _ addend: Addend?
    ) throws(CakeError) -> Int {
        let clock = ContinuousClock()
        var shortest = (encode: Duration.seconds(1000), check: Duration.seconds(1000))
        var (decode, hash) = (Duration.seconds(1000), Duration.seconds(1000))
        for _ in 0..<rounds {
            var start = clock.now
            func lap() -> Duration {
                let now = clock.now
                defer { start = now }
                return now - start
            }
            _ = piece.withBytes { SHA256.digest(of: $0) }
            hash = min(hash, lap())
            _ = try piece.withBytes { bytes throws(CakeError) in
                try coder.encode(bytes, encoding, base: base, adding: addend, into: stored)
            }
            shortest.check = min(shortest.check, lap())
            let frames = try piece.withBytes { bytes throws(CakeError) in
                try coder.write(bytes, encoding, base: base, adding: addend, into: stored)
            }
            shortest.encode = min(shortest.encode, lap())
            let held = frames.reduce(0) { $0 + $1.plain }
            try stored.withBytes { bytes throws(CakeError) in
                try back.fill(piece.count) { room throws(CakeError) in
                    try coder.decode(
                        bytes, holding: held, encoding.form, base: base, adding: addend, filling: &room,
                        hashedLater: true)
                }
            }
            decode = min(decode, lap())
        }
        guard piece.withBytes(back.holds) else { throw CakeError(.failed, "a piece does not decode to itself") }
        outcome.encoding += shortest.encode
        outcome.checkedEncoding += shortest.check
        outcome.decoding += decode
        outcome.hashing += hash
        return stored.count
    }
}
