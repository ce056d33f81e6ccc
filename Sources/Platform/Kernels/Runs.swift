internal import Glibc

/// Runs of bytes that differ from the base's: a flag each, from the lowest bit of the first byte on, and the runs
/// themselves one after the other.
public enum Runs {
    public static let size = 256

    /// The bytes that the flags of so many bytes take.
    public static func flagBytes(for count: Int) -> Int { ((count + size - 1) / size + 7) / 8 }

    /// Flags differing runs; the first two spans have the same length.
    public static func flag(_ plain: Span<UInt8>, _ base: Span<UInt8>, into flags: inout MutableSpan<UInt8>) {
        precondition(plain.count == base.count && flags.count == flagBytes(for: plain.count))
        for index in flags.indices { flags[index] = 0 }
        let count = plain.count
        unsafe plain.withUnsafeBufferPointer { plain in
            unsafe base.withUnsafeBufferPointer { base in
                guard let plain = plain.baseAddress, let base = base.baseAddress else { return }
                for (run, start) in stride(from: 0, to: count, by: size).enumerated()
                where unsafe memcmp(plain + start, base + start, min(size, count - start)) != 0 {
                    flags[run / 8] |= 1 << UInt8(run % 8)
                }
            }
        }
    }

    /// How many of `count` bytes are in flagged runs, or nil if a flag without a run is set.
    public static func flagged(_ flags: Span<UInt8>, of count: Int) -> Int? {
        precondition(flags.count == flagBytes(for: count))
        let runs = (count + size - 1) / size
        var flagged = 0
        for index in flags.indices { flagged += flags[index].nonzeroBitCount }
        guard runs > 0 else { return 0 }
        if runs % 8 != 0, flags[flags.count - 1] >> UInt8(runs % 8) != 0 { return nil }
        let last = runs - 1
        let isLastFlagged = flags[last / 8] >> UInt8(last % 8) & 1 == 1
        return flagged * size - (isLastFlagged ? runs * size - count : 0)
    }

    /// Copies the flagged runs of `bytes` one after the other into `taken`, which has exactly their length.
    public static func take(_ bytes: Span<UInt8>, _ flags: Span<UInt8>, into taken: inout MutableSpan<UInt8>) {
        precondition(flagged(flags, of: bytes.count) == taken.count)
        let count = bytes.count
        unsafe bytes.withUnsafeBufferPointer { bytes in
            unsafe taken.withUnsafeMutableBufferPointer { taken in
                guard let source = bytes.baseAddress, let target = taken.baseAddress else { return }
                var end = 0
                forEach(flags, of: count) { start, length in
                    unsafe (target + end).update(from: source + start, count: length)
                    end += length
                }
            }
        }
    }

    /// Copies consecutive runs to the flagged places of `bytes`.
    public static func put(_ taken: Span<UInt8>, _ flags: Span<UInt8>, into bytes: inout MutableSpan<UInt8>) {
        precondition(flagged(flags, of: bytes.count) == taken.count)
        let count = bytes.count
        unsafe taken.withUnsafeBufferPointer { taken in
            unsafe bytes.withUnsafeMutableBufferPointer { bytes in
                guard let source = taken.baseAddress, let target = bytes.baseAddress else { return }
                var end = 0
                forEach(flags, of: count) { start, length in
                    unsafe (target + start).update(from: source + end, count: length)
                    end += length
                }
            }
        }
    }

    private static func forEach(_ flags: Span<UInt8>, of count: Int, _ body: (Int, Int) -> Void) {
        for (run, start) in stride(from: 0, to: count, by: size).enumerated()
        where flags[run / 8] >> UInt8(run % 8) & 1 == 1 {
            body(start, min(size, count - start))
        }
    }
}

extension MutableSpan<UInt8> {
    /// Puts a copy of bytes at an offset; they fit.
    public mutating func copy(_ bytes: Span<UInt8>, at offset: Int = 0) {
        precondition(offset >= 0 && offset + bytes.count <= count)
        unsafe bytes.withUnsafeBufferPointer { source in
            unsafe withUnsafeMutableBufferPointer { target in
                guard let from = source.baseAddress, let to = target.baseAddress else { return }
                unsafe (to + offset).update(from: from, count: source.count)
            }
        }
    }
}
