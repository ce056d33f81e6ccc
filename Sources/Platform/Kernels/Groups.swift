internal import CKernels

/// The position of a float's exponent: above `fraction` bits, below the sign.
public struct FloatLayout: Hashable, Sendable {
    /// Bytes to an element.
    public let width: Int
    public let fraction: Int

    public static let bf16 = FloatLayout(width: 2, fraction: 7)
    public static let f16 = FloatLayout(width: 2, fraction: 10)
    public static let f32 = FloatLayout(width: 4, fraction: 23)
    public static let all = [bf16, f16, f32]

    private init(width: Int, fraction: Int) {
        self.width = width
        self.fraction = fraction
    }

    /// How many exponents there are.
    public var groups: Int { 1 << (8 * width - 1 - fraction) }
}

/// Values sorted by the exponent of the element of a base that each belongs to, in order within a group.
public enum Groups {
    /// How many elements of a base have each exponent.
    public struct Counts: Sendable {
        /// In all of the base.
        public let all: [UInt32]
        /// In each of its quarters, one after the other: they are sorted side by side.
        fileprivate let quarters: [UInt32]

        /// Where each group of each quarter begins.
        fileprivate var starts: [UInt32] {
            var starts = quarters
            var next: UInt32 = 0
            for group in all.indices {
                for place in stride(from: group, to: quarters.count, by: all.count) {
                    starts[place] = next
                    next += quarters[place]
                }
            }
            return starts
        }

        fileprivate var elements: Int { all.reduce(0) { $0 + Int($1) } }
    }

    public static func counts(of base: Span<UInt8>, _ layout: FloatLayout) -> Counts {
        precondition(base.count % layout.width == 0)
        var quarters = [UInt32](repeating: 0, count: Int(CAKE_LANES) * layout.groups)
        unsafe base.withUnsafeBufferPointer { base in
            guard let start = base.baseAddress else { return }
            unsafe quarters.withUnsafeMutableBufferPointer { quarters in
                guard let quarters = quarters.baseAddress else { return }
                unsafe cake_count_groups(start, base.count / layout.width, Int32(layout.fraction), quarters)
            }
        }
        var all = [UInt32](repeating: 0, count: layout.groups)
        for place in quarters.indices { all[place % layout.groups] += quarters[place] }
        return Counts(all: all, quarters: quarters)
    }

    public static func scatter(
        _ values: Span<UInt8>, _ base: Span<UInt8>, _ layout: FloatLayout, counts: Counts,
        into grouped: inout MutableSpan<UInt8>
    ) {
        var starts = starts(counts, values, base, grouped.count, layout)
        unsafe withPointers(values, base, &grouped) { values, base, grouped in
            unsafe starts.withUnsafeMutableBufferPointer { starts in
                guard let starts = starts.baseAddress else { return }
                unsafe cake_scatter(values, base, counts.elements, Int32(layout.fraction), starts, grouped)
            }
        }
    }

    public static func gather(
        _ grouped: Span<UInt8>, _ base: Span<UInt8>, _ layout: FloatLayout, counts: Counts,
        into values: inout MutableSpan<UInt8>
    ) {
        var starts = starts(counts, grouped, base, values.count, layout)
        unsafe withPointers(grouped, base, &values) { grouped, base, values in
            unsafe starts.withUnsafeMutableBufferPointer { starts in
                guard let starts = starts.baseAddress else { return }
                unsafe cake_gather(grouped, base, counts.elements, Int32(layout.fraction), starts, values)
            }
        }
    }

    /// Where each group begins. The counts are those of this base: then nothing is put outside.
    private static func starts(
        _ counts: Counts, _ one: Span<UInt8>, _ base: Span<UInt8>, _ count: Int, _ layout: FloatLayout
    ) -> [UInt32] {
        precondition(counts.all.count == layout.groups && counts.elements * layout.width == base.count)
        precondition(one.count == base.count && count == base.count)
        return counts.starts
    }
}
