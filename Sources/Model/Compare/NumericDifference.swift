/// How far the numbers of two tensors are apart. Pieces are compared in any order and added up.
public struct NumericDifference: Hashable, Sendable {
    public private(set) var elements: UInt64 = 0
    /// Elements with other bits: a zero that lost its sign and another NaN count.
    public private(set) var changed: UInt64 = 0
    /// Of the changed, those where one of the two is infinite or no number: they are in neither `largest` nor `mean`.
    public private(set) var leftOut: UInt64 = 0
    /// The largest absolute difference.
    public private(set) var largest = 0.0
    private var sum = 0.0

    public init() {}

    /// The mean absolute difference of all elements that were not left out; nil when there are none.
    public var mean: Double? { elements > leftOut ? sum / Double(elements - leftOut) : nil }

    public mutating func add(_ other: NumericDifference) {
        elements = elements.clampedSum(other.elements)
        changed = changed.clampedSum(other.changed)
        leftOut = leftOut.clampedSum(other.leftOut)
        largest = max(largest, other.largest)
        sum += other.sum
    }

    /// Whether elements of this dtype are numbers that can be subtracted. Complex ones and those packed below a byte are not.
    public static func compares(_ dtype: DType) -> Bool {
        switch dtype {
        case .f4, .f6e2m3, .f6e3m2, .c64: false
        default: true
        }
    }

    /// Compares words of one size, each an element; both spans have as many.
    public mutating func compare(_ before: Span<UInt8>, _ after: Span<UInt8>, as dtype: DType) {
        let values = SmallFloats.values(of: dtype)
        let table = values.span
        tally(before, after) { table[Int($0)] }
    }

    public mutating func compare(_ before: Span<UInt16>, _ after: Span<UInt16>, as dtype: DType) {
        switch dtype {
        case .bf16: tally(before, after) { Double(Float(bitPattern: UInt32($0) << 16)) }
        case .f16: tally(before, after, half)
        case .i16: tally(before, after) { Double(Int16(bitPattern: $0)) }
        default: tally(before, after) { Double($0) }
        }
    }

    public mutating func compare(_ before: Span<UInt32>, _ after: Span<UInt32>, as dtype: DType) {
        switch dtype {
        case .f32: tally(before, after) { Double(Float(bitPattern: $0)) }
        case .i32: tally(before, after) { Double(Int32(bitPattern: $0)) }
        default: tally(before, after) { Double($0) }
        }
    }

    public mutating func compare(_ before: Span<UInt64>, _ after: Span<UInt64>, as dtype: DType) {
        switch dtype {
        case .f64: tally(before, after) { Double(bitPattern: $0) }
        case .i64: tally(before, after) { Double(Int64(bitPattern: $0)) }
        default: tally(before, after) { Double($0) }
        }
    }

    /// Four at a time, with a branch only for infinite numbers and NaN.
    @inline(__always)
    private mutating func tally<Word: FixedWidthInteger & BitwiseCopyable>(
        _ before: Span<Word>, _ after: Span<Word>, _ value: (Word) -> Double
    ) {
        let count = min(before.count, after.count)
        var sums = SIMD4<Double>(repeating: 0)
        var largests = SIMD4<Double>(repeating: 0)
        var differing = 0
        var index = 0
        while index &+ 4 <= count {
            let (a, b, c, d) = (before[index], before[index &+ 1], before[index &+ 2], before[index &+ 3])
            let (e, f, g, h) = (after[index], after[index &+ 1], after[index &+ 2], after[index &+ 3])
            let gaps = SIMD4(value(a), value(b), value(c), value(d)) - SIMD4(value(e), value(f), value(g), value(h))
            let sizes = gaps.replacing(with: -gaps, where: gaps .< 0)
            let isFinite = sizes .< .infinity
            let kept = SIMD4<Double>(repeating: 0).replacing(with: sizes, where: isFinite)
            sums += kept
            largests.replace(with: kept, where: kept .> largests)
            differing &+= (a == e ? 0 : 1) &+ (b == f ? 0 : 1) &+ (c == g ? 0 : 1) &+ (d == h ? 0 : 1)
            if isFinite != SIMDMask(repeating: true) {
                for (lane, isChanged) in [a != e, b != f, c != g, d != h].enumerated()
                where isChanged && !isFinite[lane] {
                    leftOut += 1
                }
            }
            index &+= 4
        }
        while index < count {
            let size = (value(before[index]) - value(after[index])).magnitude
            let isChanged = before[index] != after[index]
            if size < .infinity {
                sums[0] += size
                largests[0] = max(largests[0], size)
            } else if isChanged {
                leftOut += 1
            }
            differing += isChanged ? 1 : 0
            index += 1
        }
        elements += UInt64(count)
        changed += UInt64(differing)
        sum += sums.sum()
        largest = max(largest, largests.max())
    }
}

/// IEEE half precision, exactly: its exponent is put where a Float has one and scaled by the difference of the biases,
/// which also handles its subnormal numbers. Infinite numbers become NaN.
@inline(__always)
private func half(_ bits: UInt16) -> Double {
    guard bits & 0x7c00 != 0x7c00 else { return .nan }
    let size = Double(Float(bitPattern: UInt32(bits & 0x7fff) << 13) * 0x1p112)
    return bits & 0x8000 == 0 ? size : -size
}
