internal import CKernels

/// Small numbers packed below their width. Numbers that do not fit escape, and are stored whole elsewhere.
public enum Codes {
    /// How many values of `width` bytes are at least 1, at least 3, at least 15: the escapes of codes of 2 and of 4
    /// bits.
    public static func large(
        _ values: Span<UInt8>, width: Int, with set: InstructionSet = .best
    ) -> (ones: Int, threes: Int, fifteens: Int) {
        precondition(width == 2 || width == 4)
        var counts: [UInt32] = [0, 0, 0]
        unsafe values.withUnsafeBufferPointer { values in
            unsafe counts.withUnsafeMutableBufferPointer { counts in
                guard let start = values.baseAddress, let counts = counts.baseAddress else { return }
                unsafe cake_count_large(set.rawValue, start, values.count / width, Int32(width), counts)
            }
        }
        return (Int(counts[0]), Int(counts[1]), Int(counts[2]))
    }

    /// How many values of `width` bytes have more than so many bits.
    public static func longer(
        than bits: Int, _ values: Span<UInt8>, width: Int, with set: InstructionSet = .best
    ) -> Int {
        precondition((width == 2 || width == 4) && 0..<8 * width ~= bits)
        return unsafe values.withUnsafeBufferPointer { values in
            guard let start = values.baseAddress else { return 0 }
            return unsafe cake_count_from(set.rawValue, start, values.count / width, Int32(width), 1 << UInt32(bits))
        }
    }

    /// The bytes that codes of so many bits take.
    public static func size(of elements: Int, bits: Int) -> Int { (elements * bits + 7) / 8 }

    /// Fills `codes`; returns how many values escaped into `escapes`, which has room for all.
    public static func pack(
        _ values: Span<UInt8>, width: Int, bits: Int, into codes: inout MutableSpan<UInt8>,
        escapes: inout MutableSpan<UInt8>, with set: InstructionSet = .best
    ) -> Int {
        let elements = checked(values.count, width, codes.count, bits)
        precondition(escapes.count >= values.count)
        var escaped = 0
        unsafe withPointers(values, values, &codes) { values, _, codes in
            unsafe escapes.withUnsafeMutableBufferPointer { escapes in
                guard let escapes = escapes.baseAddress else { return }
                escaped = unsafe cake_pack_codes(
                    set.rawValue, values, elements, Int32(width), Int32(bits), codes, escapes)
            }
        }
        return escaped
    }

    /// Fills `values`; returns how many escapes were taken, or nil when there are not enough.
    public static func unpack(
        _ codes: Span<UInt8>, width: Int, bits: Int, escapes: Span<UInt8>, into values: inout MutableSpan<UInt8>,
        with set: InstructionSet = .best
    ) -> Int? {
        let elements = checked(values.count, width, codes.count, bits)
        let available = escapes.count / width
        var escaped = 0
        unsafe withPointers(codes, codes, &values) { codes, _, values in
            unsafe escapes.withUnsafeBufferPointer { escapes in
                // Of no escapes nothing is read.
                let start = unsafe escapes.baseAddress ?? codes
                escaped = unsafe cake_unpack_codes(
                    set.rawValue, codes, elements, Int32(width), Int32(bits), start, available, values)
            }
        }
        return escaped <= available ? escaped : nil
    }

    /// Fills `bytes` with the bits above the `low` lowest bits of each value, and `bits` with those.
    public static func packBytes(
        _ values: Span<UInt8>, width: Int, low: Int, into bytes: inout MutableSpan<UInt8>,
        bits: inout MutableSpan<UInt8>, escapes: inout MutableSpan<UInt8>, with set: InstructionSet = .best
    ) -> Int {
        let elements = checked(values.count, width, bytes.count, 8)
        precondition(0...8 * (width - 1) ~= low && bits.count >= size(of: elements, bits: low))
        precondition(escapes.count >= values.count)
        var escaped = 0
        unsafe withPointers(values, values, &bytes) { values, _, bytes in
            unsafe bits.withUnsafeMutableBufferPointer { bits in
                unsafe escapes.withUnsafeMutableBufferPointer { escapes in
                    guard let escapes = escapes.baseAddress else { return }
                    // Of no bits nothing is written.
                    let bits = unsafe bits.baseAddress ?? bytes
                    escaped = unsafe cake_pack_bytes(
                        set.rawValue, values, elements, Int32(width), Int32(low), bytes, bits, escapes)
                }
            }
        }
        return escaped
    }

    public static func unpackBytes(
        _ bytes: Span<UInt8>, bits: Span<UInt8>, width: Int, low: Int, escapes: Span<UInt8>,
        into values: inout MutableSpan<UInt8>, with set: InstructionSet = .best
    ) -> Int? {
        let elements = checked(values.count, width, bytes.count, 8)
        precondition(0...8 * (width - 1) ~= low && bits.count >= size(of: elements, bits: low))
        let available = escapes.count / width
        var escaped = 0
        unsafe withPointers(bytes, bytes, &values) { bytes, _, values in
            unsafe bits.withUnsafeBufferPointer { bits in
                unsafe escapes.withUnsafeBufferPointer { escapes in
                    // Of no bits and no escapes nothing is read.
                    let (bits, escapes) = unsafe (bits.baseAddress ?? bytes, escapes.baseAddress ?? bytes)
                    escaped = unsafe cake_unpack_bytes(
                        set.rawValue, bytes, elements, Int32(width), Int32(low), bits, escapes, available, values)
                }
            }
        }
        return escaped <= available ? escaped : nil
    }

    private static func checked(_ valueBytes: Int, _ width: Int, _ codeBytes: Int, _ bits: Int) -> Int {
        precondition((width == 2 || width == 4) && [2, 4, 8].contains(bits) && valueBytes % width == 0)
        precondition(codeBytes == size(of: valueBytes / width, bits: bits))
        return valueBytes / width
    }
}
