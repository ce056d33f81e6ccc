/// A difference by blocks of the network. Neighbours in the same state are one row: a model of 32 layers fits on one
/// screen.
public struct DifferenceSummary: Hashable, Sendable {
    /// The number of tensors of each kind.
    public struct Counts: Hashable, Sendable {
        /// By the place of the kind among all.
        private var numbers = [Int](repeating: 0, count: Difference.Kind.allCases.count)

        public init() {}

        public init(_ kinds: some Sequence<Difference.Kind>) { for kind in kinds { add(kind) } }

        public subscript(kind: Difference.Kind) -> Int { numbers[kind.place] }

        public var total: Int { numbers.reduce(0, +) }

        /// The kinds there are any of.
        public var kinds: [Difference.Kind] { Difference.Kind.allCases.filter { self[$0] > 0 } }

        mutating func add(_ kind: Difference.Kind) { numbers[kind.place] += 1 }

        mutating func add(_ other: Counts) {
            for place in numbers.indices { numbers[place] += other.numbers[place] }
        }
    }

    public struct Row: Hashable, Sendable {
        public let prefix: ExactText
        /// The numbers of the blocks in this row; nil for tensors outside of any numbered block.
        public private(set) var numbers: ClosedRange<UInt64>?
        public private(set) var counts = Counts()
        /// Of all its tensors in the second model; in the first for removed tensors.
        public private(set) var bytes: UInt64 = 0
        /// Of those with bytes the first model does not have under that name: changed, reshaped, another dtype, added.
        public private(set) var bytesChanged: UInt64 = 0

        /// Of the tensors whose numbers were compared; nil if there are none.
        public private(set) var numeric: NumericDifference?

        /// `model.layers.0-29`, safe to print.
        public var label: String {
            guard let numbers else { return prefix.printable }
            let start = prefix.string.isEmpty ? "" : prefix.printable + "."
            let end = numbers.lowerBound == numbers.upperBound ? "" : "-\(numbers.upperBound)"
            return "\(start)\(numbers.lowerBound)\(end)"
        }

        init(_ block: NetworkBlock) {
            prefix = block.prefix
            numbers = block.number.map { $0...$0 }
        }

        mutating func add(_ change: Difference.TensorChange, _ numbers: NumericDifference?) {
            add(numbers)
            counts.add(change.kind)
            let size = (change.after ?? change.before)?.size ?? 0
            bytes = bytes.clampedSum(size)
            switch change.kind {
            case .changed, .reshaped, .dtypeChanged, .added: bytesChanged = bytesChanged.clampedSum(size)
            case .same, .alike, .renamed, .removed, .unknown: break
            }
        }

        private mutating func add(_ numbers: NumericDifference?) {
            guard let numbers else { return }
            numeric = numeric ?? NumericDifference()
            numeric?.add(numbers)
        }

        /// Whether `next` is the next block of the same kind, and its tensors met the same fates.
        func goes(onWith next: Row) -> Bool {
            guard let numbers, let other = next.numbers, prefix == next.prefix else { return false }
            return numbers.upperBound < other.lowerBound && other.lowerBound - numbers.upperBound == 1
                && counts.kinds == next.counts.kinds
        }

        mutating func extend(with next: Row) {
            guard let range = numbers, let other = next.numbers else { return }
            numbers = range.lowerBound...max(range.upperBound, other.upperBound)
            counts.add(next.counts)
            add(next.numeric)
            bytes = bytes.clampedSum(next.bytes)
            bytesChanged = bytesChanged.clampedSum(next.bytesChanged)
        }

        static func isBefore(_ left: Row, _ right: Row) -> Bool {
            guard left.prefix == right.prefix else { return left.prefix < right.prefix }
            guard let number = left.numbers else { return right.numbers != nil }
            return right.numbers.map { number.lowerBound < $0.lowerBound } ?? false
        }
    }

    /// By prefix, then by number.
    public let rows: [Row]
    public let counts: Counts

    /// `numbers`: for each tensor of the difference, where its numbers were compared.
    public init(_ difference: Difference, numbers: [NumericDifference?]? = nil) {
        var finder = BlockFinder()
        var places: [NetworkBlock: Int] = [:]
        var blocks: [Row] = []
        var last: (block: NetworkBlock, place: Int)?
        for (index, change) in difference.tensors.enumerated() {
            let block = finder.block(of: change.name)
            let place: Int
            if let last, last.block == block {
                place = last.place
            } else if let known = places[block] {
                place = known
            } else {
                place = blocks.count
                places[block] = place
                blocks.append(Row(block))
            }
            last = (block, place)
            blocks[place].add(change, numbers.flatMap { $0[index] })
        }
        var folded: [Row] = []
        for row in blocks.sorted(by: Row.isBefore) {
            if let end = folded.indices.last, folded[end].goes(onWith: row) {
                folded[end].extend(with: row)
            } else {
                folded.append(row)
            }
        }
        rows = folded
        counts = folded.reduce(into: Counts()) { $0.add($1.counts) }
    }
}

extension Difference.Kind {
    /// Among all kinds, in the order of their declaration.
    fileprivate var place: Int {
        switch self {
        case .same: 0
        case .alike: 1
        case .changed: 2
        case .reshaped: 3
        case .dtypeChanged: 4
        case .renamed: 5
        case .added: 6
        case .removed: 7
        case .unknown: 8
        }
    }
}
