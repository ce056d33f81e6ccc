/// How far chunks of a xorb are from each other, as far as terms say: one with the chunks 3 to 7 and 40,000 bytes says
/// that chunk 7 begins 40,000 bytes after chunk 3. A server gives no other lengths: two chunks may both be known and
/// their distance not.
public struct XetPositions: Sendable {
    /// A byte of some xorb. Equal places are one and the same byte; of different ones nothing follows.
    public struct Place: Hashable, Sendable {
        /// A set of chunks whose distances are known.
        let set: Int
        let position: Int64

        func after(_ bytes: UInt64) -> Place { Place(set: set, position: position + Int64(bytes)) }
    }

    /// The beginning of a chunk, or the end of the last one. Sets of them are trees, the smaller hung below the larger.
    private struct Boundary {
        let chunk: UInt32
        var parent: Int
        /// Bytes from the parent's; of the root, none.
        var fromParent: Int64 = 0
        var count = 1
    }

    private var xorbs: [XetHash: UInt64] = [:]
    private var numbers: [UInt64: Int] = [:]
    private var boundaries: [Boundary] = []

    public init() {}

    /// Learns from a term, which must not contradict known distances of the same chunks.
    public mutating func add(_ term: XetReconstruction.Term) throws(CakeError) {
        let xorb = xorbs[term.xorb] ?? UInt64(xorbs.count)
        xorbs[term.xorb] = xorb
        let first = number(of: term.chunks.lowerBound, in: xorb)
        let last = number(of: term.chunks.upperBound, in: xorb)
        let (start, end) = (root(of: first), root(of: last))
        // From one root to the other.
        let distance = start.position + Int64(term.size) - end.position
        if start.root == end.root {
            guard distance == 0 else {
                throw CakeError(
                    .damaged,
                    "two terms differ in how long chunks \(term.chunks.lowerBound) to \(term.chunks.upperBound) are")
            }
        } else if boundaries[start.root].count >= boundaries[end.root].count {
            hang(end.root, below: start.root, distance)
        } else {
            hang(start.root, below: end.root, -distance)
        }
    }

    /// Learns where chunks begin from a query for a few bytes of a file, whose terms otherwise say only where they
    /// themselves begin and end.
    public mutating func add(_ part: XetReconstruction, of whole: XetReconstruction) throws(CakeError) {
        for (term, start) in zip(part.terms, part.extents.lazy.map(\.lowerBound)) {
            try add(term)
            guard let (around, first) = whole.term(at: start), around.xorb == term.xorb,
                around.chunks.lowerBound < term.chunks.lowerBound, term.chunks.upperBound <= around.chunks.upperBound
            else { continue }
            try add(around)
            let before = around.chunks.lowerBound..<term.chunks.lowerBound
            try add(XetReconstruction.Term(xorb: term.xorb, chunks: before, size: start - first))
        }
    }

    /// Learns where a chunk of a term begins from a question for one byte of it.
    public mutating func add(
        _ part: XetReconstruction, inside term: XetReconstruction.Term, beginningAt start: UInt64
    ) throws(CakeError) {
        guard let chunk = part.terms.first, chunk.xorb == term.xorb, part.bytes.lowerBound > start,
            term.chunks.contains(chunk.chunks.lowerBound), term.chunks.lowerBound < chunk.chunks.lowerBound
        else { return }
        let before = term.chunks.lowerBound..<chunk.chunks.lowerBound
        try add(XetReconstruction.Term(xorb: term.xorb, chunks: before, size: part.bytes.lowerBound - start))
    }

    /// Refuses distances that no chunks can have: one byte to 128 KiB for each.
    public func check() throws(CakeError) {
        var sets: [Int: [(chunk: UInt32, position: Int64)]] = [:]
        for index in boundaries.indices {
            let found = root(of: index)
            sets[found.root, default: []].append((boundaries[index].chunk, found.position))
        }
        for set in sets.values {
            let sorted = set.sorted { $0.chunk < $1.chunk }
            for (before, after) in zip(sorted, sorted.dropFirst()) {
                let count = Int64(after.chunk - before.chunk)
                guard (count...count * Int64(XetChunk.maximumSize)).contains(after.position - before.position) else {
                    throw CakeError(
                        .damaged, "terms overlap in the chunks \(before.chunk) to \(after.chunk) of a xorb, and differ")
                }
            }
        }
    }

    /// Where a chunk begins; nil for one that no term begins or ends with.
    public func place(ofChunk chunk: UInt32, in xorb: XetHash) -> Place? {
        guard let xorb = xorbs[xorb], let number = numbers[XetPositions.key(chunk, xorb)] else { return nil }
        let found = root(of: number)
        return Place(set: found.root, position: found.position)
    }

    private static func key(_ chunk: UInt32, _ xorb: UInt64) -> UInt64 { xorb << 32 | UInt64(chunk) }

    private mutating func number(of chunk: UInt32, in xorb: UInt64) -> Int {
        let key = XetPositions.key(chunk, xorb)
        if let number = numbers[key] { return number }
        let number = boundaries.count
        boundaries.append(Boundary(chunk: chunk, parent: number))
        numbers[key] = number
        return number
    }

    private func root(of number: Int) -> (root: Int, position: Int64) {
        var root = number
        var position: Int64 = 0
        while boundaries[root].parent != root {
            position += boundaries[root].fromParent
            root = boundaries[root].parent
        }
        return (root, position)
    }

    private mutating func hang(_ root: Int, below other: Int, _ distance: Int64) {
        boundaries[root].parent = other
        boundaries[root].fromParent = distance
        boundaries[other].count += boundaries[root].count
    }
}
