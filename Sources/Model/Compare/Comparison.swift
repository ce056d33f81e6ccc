/// A difference with the numbers that were compared, and what the two models are called.
public struct Comparison: Sendable {
    /// What a pull of the second would move now.
    public struct Pull: Sendable {
        public let files: Int
        public let bytes: UInt64
        public let filesToFetch: Int
        /// At most, when some of it is not known.
        public let bytesToFetch: UInt64

        public init(files: Int, bytes: UInt64, filesToFetch: Int, bytesToFetch: UInt64) {
            (self.files, self.bytes) = (files, bytes)
            (self.filesToFetch, self.bytesToFetch) = (filesToFetch, bytesToFetch)
        }
    }

    public let before: String
    public let after: String
    public let difference: Difference
    /// For each tensor of the difference; nil when numbers were not asked for.
    public let numbers: [NumericDifference?]?
    /// Nil when the second is not remote.
    public let pull: Pull?
    /// Whether it is said what certainty would take.
    public let isExact: Bool

    public init(
        before: String, after: String, difference: Difference, numbers: [NumericDifference?]? = nil,
        pull: Pull? = nil, isExact: Bool = false
    ) {
        self.isExact = isExact
        self.before = before
        self.after = after
        self.difference = difference
        self.numbers = numbers
        self.pull = pull
    }

    /// Whether nothing that matters differs: the same tensors and other files, however they are spread.
    public var isSame: Bool { difference.isEmpty }

    public func numbers(of index: Int) -> NumericDifference? { numbers.flatMap { $0[index] } }
}
