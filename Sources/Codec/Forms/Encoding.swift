package import Model
package import Platform

/// The encoding of a layer, chosen once from a sample of it. Never part of the layer's identity.
package struct Encoding: Sendable {
    package let form: Form
    /// How hard zstd tries, for each frame of a piece.
    let efforts: [ZstdEffort]
    /// Of a low rank.
    package let factors: Factors?

    init(_ form: Form, _ efforts: [ZstdEffort]) {
        self.form = form
        self.efforts = efforts
        factors = nil
    }

    init(_ factors: Factors, _ efforts: [ZstdEffort] = groupedEfforts) {
        form = .lowRank(factors.lowRank)
        self.efforts = efforts
        self.factors = factors
    }

    /// The addend to a piece of the base before the comparison.
    package func addend(piece index: Int) -> Addend? { factors.map { Addend($0, piece: index) } }

    init(_ form: Form, all effort: ZstdEffort) {
        self.init(form, Array(repeating: effort, count: form.framesPerPiece))
    }

    /// An encoding, and the share of a sample that it left.
    package typealias Choice = (encoding: Encoding, share: Double)

    /// Stored bytes must fall below this share to be worth decoding each time.
    static let worthwhileShare = 0.985

    /// Stores everything as it is.
    static let raw = Encoding(.plain, [.none])

    /// A search must save this share to be worth its time.
    private static let worthSearchingShare = 0.99

    /// Planes must save this share to be worth splitting and merging.
    private static let worthPlanesShare = 0.99

    /// A candidate that decodes slower must save this share over one before it.
    private static let worthMoreShare = 0.98

    /// Weights are searched quickly, since there is little to find; text is worth more.
    static func searched(_ dtype: DType?) -> ZstdEffort { .level(dtype == nil ? 3 : 1) }

    /// Decides for a layer small enough to be tried whole: the smallest, or as it is when nothing pays. Literals that do not
    /// get smaller zstd leaves alone.
    package static func choose(
        for plain: Span<UInt8>, _ kind: Tensor.Kind?, base: Chunk?, coder: Coder, stored: Chunk
    ) throws(CakeError) -> Encoding {
        let dtype = kind?.dtype
        let form = Form(of: dtype)
        var candidates = [Encoding(.plain, [searched(dtype)])]
        if form != .plain { candidates.append(Encoding(form, all: .literals)) }
        if base != nil { candidates += Form.deltas(of: dtype).map { Encoding($0, searchedEfforts(of: $0)) } }
        var best: (encoding: Encoding, size: Int) = (.raw, Int(Double(plain.count) * worthwhileShare))
        for candidate in candidates {
            let frames = try coder.write(plain, candidate, base: base, into: stored)
            var size = stored.count + (frames.count - 1) * SeekTable.entryLength
            if candidate.form.needsBase { size = Int(Double(size) / worthBaseShare) + Digest.byteCount }
            if size < best.size { best = (candidate, size) }
        }
        guard let base, let matrix = Matrix(kind, size: UInt64(plain.count)) else { return best.encoding }
        let share = Double(best.size) / Double(plain.count)
        let found = try factors(of: matrix, insteadOf: share) { _, body throws(CakeError) in
            try base.withBytes { beside throws(CakeError) in try body(plain, beside) }
        }
        guard let found else { return best.encoding }
        let candidate = Encoding(found)
        let ahead = try found.stored(with: coder, stored)
        _ = try coder.write(plain, candidate, base: base, adding: candidate.addend(piece: 0), into: stored)
        return Double(stored.count + ahead) < Double(best.size) * worthFactorsShare ? candidate : best.encoding
    }

    /// Factors must save this share to be worth multiplying each time.
    private static let worthFactorsShare = 0.9

    private static let groupedEfforts: [ZstdEffort] = [.level(1), .none]

    /// How hard zstd may try on the frames of a delta: without a search first, and with one.
    private static func deltaEfforts(of form: Form) -> [[ZstdEffort]] {
        let unsearched: [ZstdEffort] =
            form.groupedLayout != nil ? [.literals, .none] : Array(repeating: .literals, count: form.framesPerPiece)
        return [unsearched, searchedEfforts(of: form)]
    }

    static func searchedEfforts(of form: Form) -> [ZstdEffort] {
        form.groupedLayout != nil ? groupedEfforts : Array(repeating: .level(1), count: form.framesPerPiece)
    }

    /// Decides for a layer too large to try whole, from samples spread evenly over it.
    package static func choose(
        for plain: some PieceSource, dtype: DType?, coder: Coder, piece: Chunk, stored: Chunk
    ) throws(CakeError) -> Choice {
        let (form, sampleSize) = (Form(of: dtype), 64 << 10)
        var plainTally = Tally(.plain, [.literals, searched(dtype)])
        var planesTally = Tally(form, [.literals, searched(dtype)])
        // More samples for layers that take longer anyway.
        let samples = min(5, max(1, plain.count >> 21))
        for index in 0..<samples {
            let span = plain.count - UInt64(sampleSize)
            let start = samples == 1 ? span / 2 : span / (samples - 1) * index
            // At an element's first byte.
            try plain.fill(piece, from: start & ~7, count: sampleSize)
            try plainTally.add(piece, coder, stored)
            if form != .plain { try planesTally.add(piece, coder, stored) }
        }
        let best = plainTally.best(searchingFor: worthSearchingShare)
        guard form != .plain else { return best }
        let planes = planesTally.best(searchingFor: worthSearchingShare)
        return planes.share < best.share * worthPlanesShare ? planes : best
    }

    /// The same with a base, whose pieces `read` gives, compared with the best encoding without one.
    package static func choose(
        for plain: some PieceSource, _ kind: Tensor.Kind?, or alone: Choice, coder: Coder, piece: Chunk, stored: Chunk,
        beside: Chunk, _ read: (Int, Chunk) throws(CakeError) -> Void
    ) throws(CakeError) -> Encoding {
        let dtype = kind?.dtype
        var places: [Int] = []
        var tallies = Form.deltas(of: dtype).map { Tally($0, deltaEfforts(of: $0)) }
        let (samples, sampleSize) = (min(3, 1 + plain.count >> 23), 256 << 10)
        for sample in 0..<samples {
            let index = plain.pieces * Int(2 * sample + 1) / Int(2 * samples)
            places.append(index)
            try plain.fill(piece: index, into: piece)
            try read(index, beside)
            piece.count = min(piece.count, sampleSize)
            beside.count = min(beside.count, sampleSize)
            for number in tallies.indices { try tallies[number].add(piece, base: beside, coder, stored) }
        }
        var best = tallies[0].best(searchingFor: worthSearchingShare)
        for tally in tallies.dropFirst() {
            let other = tally.best(searchingFor: worthSearchingShare)
            if other.share < best.share * worthMoreShare { best = other }
        }
        if best.share >= alone.share * worthBaseShare { best = alone }
        guard let matrix = Matrix(kind, size: plain.count) else { return best.encoding }
        let found = try factors(of: matrix, insteadOf: best.share) { index, body throws(CakeError) in
            try plain.fill(piece: index, into: piece)
            try read(index, beside)
            try piece.withBytes { plain throws(CakeError) in
                try beside.withBytes { beside throws(CakeError) in try body(plain, beside) }
            }
        }
        guard let found else { return best.encoding }
        let candidate = Encoding(found)
        var tally = Tally(candidate.form, deltaEfforts(of: candidate.form))
        for index in places {
            try plain.fill(piece: index, into: piece)
            try read(index, beside)
            piece.count = min(piece.count, sampleSize)
            beside.count = min(beside.count, sampleSize)
            try tally.add(piece, base: beside, adding: candidate.addend(piece: index), coder, stored)
        }
        let ahead = try Double(found.stored(with: coder, stored)) / Double(plain.count)
        let other = tally.best(searchingFor: worthSearchingShare)
        guard other.share + ahead < best.share * worthFactorsShare else { return best.encoding }
        return Encoding(found, other.encoding.efforts)
    }

    /// The sizes of samples under each of a few efforts, frame by frame.
    private struct Tally {
        let form: Form
        /// Each with one effort for every frame.
        let efforts: [[ZstdEffort]]
        private var plain = 0.0
        /// For each frame of a piece: the bytes it holds, and stored ones under each of the efforts.
        private var frames: [(held: Double, stored: [Double])]

        init(_ form: Form, _ efforts: [[ZstdEffort]]) {
            self.form = form
            self.efforts = efforts
            frames = Array(
                repeating: (0, Array(repeating: 0, count: efforts.count)), count: form.framesPerPiece)
        }

        init(_ form: Form, _ efforts: [ZstdEffort]) {
            self.init(form, efforts.map { Array(repeating: $0, count: form.framesPerPiece) })
        }

        mutating func add(
            _ sample: Chunk, base: Chunk? = nil, adding: Addend? = nil, _ coder: Coder, _ stored: Chunk
        ) throws(CakeError) {
            plain += Double(sample.count)
            for (number, efforts) in efforts.enumerated() {
                let written = try sample.withBytes { bytes throws(CakeError) in
                    try coder.write(bytes, Encoding(form, efforts), base: base, adding: adding, into: stored)
                }
                for (index, frame) in written.enumerated() {
                    frames[index].stored[number] += Double(frame.stored)
                    if number == 0 { frames[index].held += Double(frame.plain) }
                }
            }
        }

        /// The best effort for each frame, the first unless a later one saves enough, and the total size. Without a
        /// search, a byte takes a bit at least, except where blocks hold one byte only. A sample that is smaller has such
        /// blocks, in which a search has nothing to show; where the layer has another byte among them, it will.
        func best(searchingFor share: Double) -> Choice {
            var chosen: [ZstdEffort] = []
            var total = 0.0
            for (index, frame) in frames.enumerated() {
                var number = 0
                for other in efforts.indices {
                    let enough =
                        frame.stored[number] < frame.held / 8
                        ? frame.stored[number] + frame.held / 256 : frame.stored[number] * share
                    if frame.stored[other] < enough { number = other }
                }
                let pays = frame.stored[number] < frame.held * worthwhileShare
                chosen.append(pays ? efforts[number][index] : .none)
                total += pays ? frame.stored[number] : frame.held
            }
            return (Encoding(form, chosen), total / plain)
        }
    }
}
