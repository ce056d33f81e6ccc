package import Model
internal import Platform

extension Encoding {
    /// Lends a piece of the layer, and the base's.
    package typealias PairSource = (Int, (_ plain: Span<UInt8>, _ base: Span<UInt8>) throws(CakeError) -> Void)
        throws(CakeError) ->
        Void

    /// The bits of an element in a delta below which factors could save little.
    private static let littleBits = 1.0

    /// The factors of a layer's difference from its base, if they are likely to leave less of it than the share without
    /// them. For most layers, reading a piece or two shows that their rank is not low.
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
