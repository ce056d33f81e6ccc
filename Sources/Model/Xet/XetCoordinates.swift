/// Where Xet keeps a run of a file's bytes, such as a tensor's: which bytes of which terms, in order.
///
/// Why equal coordinates are equal bytes: a chunk is named by its content and a xorb by its chunks in their order, so
/// the bytes of a xorb, its chunks decoded one behind the other, never change. A byte is therefore told by its xorb and
/// its distance from the beginning of the xorb. That distance is not published, but a term says how far two chunks are
/// from each other, and where a run begins is known as a distance from the beginning of a term and from its end. So when
/// two runs of one xorb can be measured from one chunk, directly or along terms that share their ends (`XetPositions`),
/// and lie at the same distance from it, they are the same bytes of the same xorb. It does not matter that no other
/// boundary of chunks is known within a term. Xorbs that differ, distances that differ or cannot be measured say nothing:
/// equal bytes may be kept in several places.
///
/// All this is the server's word. It decides what is not fetched; whether it was true the file's SHA-256 decides.
public struct XetCoordinates: Hashable, Sendable {
    public struct Run: Hashable, Sendable {
        public let term: XetReconstruction.Term
        /// Of the term's bytes.
        public let bytes: Range<UInt64>

        public init(_ term: XetReconstruction.Term, bytes: Range<UInt64>) throws(CakeError) {
            guard !bytes.isEmpty, bytes.upperBound <= term.size else {
                throw CakeError(
                    .damaged,
                    "a term of \(term.size) bytes has no bytes \(bytes.lowerBound) to \(bytes.upperBound)")
            }
            self.term = term
            self.bytes = bytes
        }
    }

    public let runs: [Run]
    public let size: UInt64

    public init(_ runs: [Run]) throws(CakeError) {
        var size = ByteTotal(limit: ByteCount.maximum)
        for run in runs {
            try size.add(run.bytes.length, of: "a run of Xet coordinates")
        }
        self.runs = runs
        self.size = size.bytes
    }

    /// Only for runs that were cut out of something whole.
    fileprivate init(_ runs: [Run], size: UInt64) {
        self.runs = runs
        self.size = size
    }
}

extension XetReconstruction {
    /// Of bytes of the file; nil when the server was not asked for all of them.
    public func coordinates(of range: Range<UInt64>) -> XetCoordinates? {
        guard range.lowerBound >= bytes.lowerBound, range.upperBound <= bytes.upperBound else { return nil }
        let runs = extents.parts(of: range).compactMap { try? XetCoordinates.Run(terms[$0.index], bytes: $0.bytes) }
        return XetCoordinates(runs, size: range.upperBound - range.lowerBound)
    }

    /// The term that has a byte of the file, and where it begins.
    func term(at byte: UInt64) -> (term: Term, start: UInt64)? {
        guard bytes.contains(byte) else { return nil }
        let index = extents.index(at: byte)
        return (terms[index], extents[index].lowerBound)
    }
}

extension XetCoordinates {
    /// What coordinates alone say about two runs of bytes.
    public enum Similarity: Hashable, Sendable {
        case equal
        /// Bytes within this range, counted from the beginning, are equal. Of those before and after it nothing is known.
        case edgesDiffer(common: Range<UInt64>)
        case unknown
    }

    public func similarity(to other: XetCoordinates, knowing positions: XetPositions = XetPositions()) -> Similarity {
        guard size == other.size else { return .unknown }
        guard size > 0 else { return .equal }
        let common = common(with: other, knowing: positions)
        guard common.count == 1, let range = common.first else { return .unknown }
        return range == 0..<size ? .equal : .edgesDiffer(common: range)
    }

    /// Which bytes are equal to those at the same distance from the other's beginning, which may have another length.
    /// Terms of the files on both sides, or of queries for a few bytes of them, give more places to measure from.
    public func common(
        with other: XetCoordinates, knowing positions: XetPositions = XetPositions()
    ) -> [Range<UInt64>] {
        var positions = positions
        do throws(CakeError) {
            for run in runs { try positions.add(run.term) }
            for run in other.runs { try positions.add(run.term) }
        } catch {
            // A contradictory server has said nothing.
            return []
        }
        var found: [Range<UInt64>] = []
        var mine = Cursor(runs)
        var others = Cursor(other.runs)
        var place: UInt64 = 0
        while let left = mine.rest, let right = others.rest {
            let count = min(left.count, right.count)
            let (first, second) = (mine.place(in: positions), others.place(in: positions))
            if let first, first == second {
                if let last = found.last, last.upperBound == place {
                    found[found.count - 1] = last.lowerBound..<place + UInt64(count)
                } else {
                    found.append(place..<place + UInt64(count))
                }
            }
            place += UInt64(count)
            mine.move(UInt64(count))
            others.move(UInt64(count))
        }
        return found
    }

    /// Where two runs of bytes begin to lie in one xorb, while their distance is not known. Asking in which chunk each
    /// of these bytes is gives the answer.
    public struct Gap: Hashable, Sendable {
        /// Counted from the beginning of both runs.
        public let place: UInt64
        public let mine: Byte
        public let other: Byte

        public struct Byte: Hashable, Sendable {
            public let term: XetReconstruction.Term
            /// Of the term's bytes.
            public let within: UInt64
        }
    }

    /// One for each two terms that meet.
    public func gaps(
        to other: XetCoordinates, knowing positions: XetPositions = XetPositions()
    ) -> [Gap] {
        var positions = positions
        var found: [Gap] = []
        do throws(CakeError) {
            for run in runs { try positions.add(run.term) }
            for run in other.runs { try positions.add(run.term) }
        } catch { return [] }
        var mine = Cursor(runs)
        var others = Cursor(other.runs)
        var place: UInt64 = 0
        while let left = mine.byte, let right = others.byte {
            let (first, second) = (mine.place(in: positions), others.place(in: positions))
            if left.term.xorb == right.term.xorb, first?.set != second?.set {
                found.append(Gap(place: place, mine: left, other: right))
            }
            let count = UInt64(min(mine.rest?.count ?? 0, others.rest?.count ?? 0))
            place += count
            mine.move(count)
            others.move(count)
        }
        return found
    }

    /// Passes along runs.
    private struct Cursor {
        private let runs: [Run]
        private var index = 0
        /// Of the run at hand, the bytes that are still to come.
        private(set) var rest: Range<UInt64>?

        init(_ runs: [Run]) {
            self.runs = runs
            rest = runs.first?.bytes
        }

        var byte: Gap.Byte? { rest.map { Gap.Byte(term: runs[index].term, within: $0.lowerBound) } }

        mutating func move(_ count: UInt64) {
            guard let old = rest else { return }
            if UInt64(old.count) > count {
                rest = old.lowerBound + count..<old.upperBound
            } else {
                index += 1
                rest = index < runs.count ? runs[index].bytes : nil
            }
        }

        func place(in positions: XetPositions) -> XetPositions.Place? {
            guard let rest else { return nil }
            let term = runs[index].term
            return positions.place(ofChunk: term.chunks.lowerBound, in: term.xorb)?.after(rest.lowerBound)
        }
    }
}
