internal import Model

/// The evidence of proofs for the cuts of one file, before its bytes are downloaded.
struct Evidence: Sendable {
    enum Claim: Hashable, Sendable {
        case unknown
        /// These bytes were hashed with this result, here or by a server that the user chose.
        case known(Layer, Pull.Proof)
        /// Taken to be these bytes until the file's own hash decides.
        case assumed(Layer, Pull.Proof)

        var layer: Layer? {
            switch self {
            case .unknown: nil
            case .known(let layer, _), .assumed(let layer, _): layer
            }
        }

        var proof: Pull.Proof? {
            switch self {
            case .unknown: nil
            case .known(_, let proof), .assumed(_, let proof): proof
            }
        }

        var isAssumed: Bool { if case .assumed = self { true } else { false } }
    }

    /// By the number of the cut.
    private(set) var claims: [Claim]

    /// Nothing is known of so many cuts.
    init(cuts: Int) { claims = Array(repeating: .unknown, count: cuts) }

    /// The file is a known one, under any name.
    init(_ known: Manifest.File) { claims = known.segments.map { .known($0.layer, .knownFile) } }

    subscript(cut: Int) -> Claim {
        get { claims[cut] }
        set { claims[cut] = newValue }
    }

    var layers: [Layer] { claims.compactMap(\.layer) }

    /// The evidence of a cheaper proof stays; cuts that it left open may be answered now.
    mutating func add(_ other: Evidence) {
        for cut in claims.indices where claims[cut] == .unknown { claims[cut] = other.claims[cut] }
    }
}

/// Knows something of files without moving them.
protocol Prover: Sendable {
    /// By file, the evidence for its cuts. Known cuts need not be asked for.
    func evidence(
        for files: [OpenedFile], knowing known: [Evidence], among candidates: Candidates
    ) async throws -> Proved
}

/// The result of a proof, and its cost.
struct Proved: Sendable {
    var evidence: [Evidence]
    var bytesFetched: UInt64 = 0
}
