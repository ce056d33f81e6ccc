package import Model
internal import Platform

extension Encoding {
    /// Lends a piece of the layer, and the base's.
    package typealias PairSource = (Int, (_ plain: Span<UInt8>, _ base: Span<UInt8>) throws(CakeError) -> Void)
        throws(CakeError) ->
        Void

    /// What a delta leaves of an element, in bits, when there is little that factors could save.
    private static let littleBits = 1.0

    /// The factors of what a layer is beyond its base, where they are likely to leave less of it than the share that is left
    /// otherwise. Most layers are found not to be of a low rank by reading a piece or two.
    package static func factors(
        of matrix: Matrix, insteadOf share: Double, _ source: PairSource
    ) throws(CakeError) -> Factors? {
        let bits = share * Double(8 * matrix.layout.width)
        guard bits > littleBits else { return nil }
        let worthwhile = max(0.2, 0.08 * bits)
        var estimate = RankEstimate(matrix)
        let pieces = estimate.pieces(of: matrix.pieces)
        for index in pieces {
            try source(index) { plain, base throws(CakeError) in
                estimate.add(piece: index, plain, base, ofPieces: pieces.count)
            }
        }
        guard let rank = estimate.rank(saving: worthwhile),
            var search = FactorSearch(matrix, expecting: rank, noise: estimate.roundingNoise(), saving: worthwhile)
        else { return nil }
        return try search.factors(source)
    }
}
