internal import CKernels

/// Differences of elements from those of a base. All spans have the same length, a whole number of elements of `width`
/// bytes.
public enum Deltas {
    /// The difference of each element and the base's, in zigzag code: small differences of both signs give small
    /// numbers. Floats are counted in their order.
    public static func difference(
        _ plain: Span<UInt8>, _ base: Span<UInt8>, width: Int, areFloats: Bool, into values: inout MutableSpan<UInt8>,
        with set: InstructionSet = .best
    ) {
        let elements = checked(plain, base, values.count, width)
        unsafe withPointers(plain, base, &values) { plain, base, values in
            unsafe cake_difference(set.rawValue, plain, base, elements, Int32(width), areFloats ? 1 : 0, values)
        }
    }

    public static func sum(
        _ values: Span<UInt8>, _ base: Span<UInt8>, width: Int, areFloats: Bool, into plain: inout MutableSpan<UInt8>,
        with set: InstructionSet = .best
    ) {
        let elements = checked(values, base, plain.count, width)
        unsafe withPointers(values, base, &plain) { values, base, plain in
            unsafe cake_sum(set.rawValue, values, base, elements, Int32(width), areFloats ? 1 : 0, plain)
        }
    }

    public static func xor(
        _ one: Span<UInt8>, _ other: Span<UInt8>, into result: inout MutableSpan<UInt8>,
        with set: InstructionSet = .best
    ) {
        let count = checked(one, other, result.count, 1)
        unsafe withPointers(one, other, &result) { one, other, result in
            unsafe cake_xor(set.rawValue, one, other, count, result)
        }
    }

    private static func checked(_ one: Span<UInt8>, _ other: Span<UInt8>, _ count: Int, _ width: Int) -> Int {
        precondition(Planes.widths.contains(width) && one.count % width == 0)
        precondition(one.count == other.count && one.count == count)
        return count / width
    }
}

/// Lends three runs of bytes to C. Nothing is called when they are empty.
@unsafe func withPointers(
    _ one: Span<UInt8>, _ other: Span<UInt8>, _ result: inout MutableSpan<UInt8>,
    _ body: (UnsafePointer<UInt8>, UnsafePointer<UInt8>, UnsafeMutablePointer<UInt8>) -> Void
) {
    unsafe one.withUnsafeBufferPointer { one in
        unsafe other.withUnsafeBufferPointer { other in
            unsafe result.withUnsafeMutableBufferPointer { result in
                guard let one = one.baseAddress, let other = other.baseAddress, let result = result.baseAddress else {
                    return
                }
                unsafe body(one, other, result)
            }
        }
    }
}
