/// The limits on sizes, lengths and offsets that another program names. They are checked once, where an answer or a
/// file is parsed. After that, their sums fit 64 bits, with and without a sign: 128 totals do.
public enum ByteCount {
    /// Of a layer, a file, an object or a pack: 256 TiB.
    public static let maximum: UInt64 = 1 << 48
    /// Of all files of a model, or of all its packs: 64 PiB.
    public static let maximumTotal: UInt64 = 1 << 56

    /// Refuses a size above the limit of a layer, file or pack. `what` is the subject of the error's sentence.
    @discardableResult
    public static func checked(_ count: UInt64, of what: @autoclosure () -> String) throws(CakeError) -> UInt64 {
        guard count <= maximum else { throw refusal(what(), count, maximum) }
        return count
    }

    fileprivate static func refusal(_ what: String, _ count: UInt64, _ limit: UInt64) -> CakeError {
        CakeError(.damaged, "\(what) claims \(count) bytes, and the limit is \(limit)")
    }
}

/// A running sum of sizes, each checked, and the sum too.
public struct ByteTotal: Hashable, Sendable {
    public private(set) var bytes: UInt64 = 0
    private let limit: UInt64

    public init(limit: UInt64 = ByteCount.maximumTotal) { self.limit = limit }

    public mutating func add(_ count: UInt64, of what: @autoclosure () -> String) throws(CakeError) {
        let (sum, overflow) = bytes.addingReportingOverflow(try ByteCount.checked(count, of: what()))
        guard !overflow, sum <= limit else {
            throw ByteCount.refusal("\(what()), together with earlier ones,", sum, limit)
        }
        bytes = sum
    }
}

extension Range<UInt64> {
    /// How many bytes it has; `count` is an Int, and stops the program where that is too small.
    public var length: UInt64 { upperBound - lowerBound }
}

extension RangeSet<UInt64> {
    /// How many bytes they are.
    public var length: UInt64 { ranges.reduce(0) { $0 + $1.length } }

    /// How many of them are in a range.
    public func length(within range: Range<UInt64>) -> UInt64 {
        ranges.reduce(0) { $0 + $1.clamped(to: range).length }
    }

    /// Where they end that go on from a place without a gap: the place itself where there is nothing.
    public func end(from place: UInt64) -> UInt64 {
        ranges.first { $0.contains(place) }?.upperBound ?? place
    }
}
