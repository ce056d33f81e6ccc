/// Extents one after the other, such as the layers of a file: where each begins, and which of them has a given byte.
public struct Extents: RandomAccessCollection, Hashable, Sendable {
    /// Where each begins, and where the last one ends.
    private var bounds: [UInt64]

    /// The parser of the lengths has checked their sum.
    public init(_ lengths: some Sequence<UInt64>, from start: UInt64 = 0) {
        bounds = [start]
        bounds.reserveCapacity(lengths.underestimatedCount + 1)
        var end = start
        for length in lengths {
            end += length
            bounds.append(end)
        }
    }

    public var startIndex: Int { 0 }
    public var endIndex: Int { bounds.count - 1 }
    public subscript(index: Int) -> Range<UInt64> { bounds[index]..<bounds[index + 1] }

    /// All of them together.
    public var whole: Range<UInt64> { bounds[0]..<bounds[endIndex] }

    /// The last extent that begins at a place or before it: the one with the byte there. The first for a place before
    /// all of them, and 0 if there are none.
    public func index(at place: UInt64) -> Int {
        Swift.max(0, Swift.min(count, bounds.partitioningIndex { $0 > place }) - 1)
    }

    /// The part of each extent that a range touches, counted from the extent's beginning.
    public func parts(of range: Range<UInt64>) -> [(index: Int, bytes: Range<UInt64>)] {
        var parts: [(index: Int, bytes: Range<UInt64>)] = []
        var index = index(at: range.lowerBound)
        while index < count, self[index].lowerBound < range.upperBound {
            let (start, part) = (self[index].lowerBound, range.clamped(to: self[index]))
            if !part.isEmpty { parts.append((index, part.lowerBound - start..<part.upperBound - start)) }
            index += 1
        }
        return parts
    }
}

extension RandomAccessCollection where Index == Int {
    /// The first index whose element matches, if all after it match too.
    @inlinable
    public func partitioningIndex(where fits: (Element) -> Bool) -> Int {
        var (low, high) = (startIndex, endIndex)
        while low < high {
            let middle = low + (high - low) / 2
            if fits(self[middle]) { high = middle } else { low = middle + 1 }
        }
        return low
    }
}
