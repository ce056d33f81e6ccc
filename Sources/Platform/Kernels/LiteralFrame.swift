internal import CKernels
internal import CXXHash

/// A zstd frame in which nothing was searched: each byte takes as many bits as its frequency asks for. Libzstd makes such frames,
/// too, at half the speed.
public enum LiteralFrame {
    /// Memory that `write` works in.
    static func room() -> Chunk { Chunk(capacity: Int(CAKE_LITERALS_WORK)) }

    /// Returns the frame's length at the start of `room`; nil for bytes that need libzstd: few, without gain, or of kinds that have
    /// no place in the short form of a code.
    static func write(
        _ plain: Span<UInt8>, into room: inout MutableSpan<UInt8>, workingIn work: Chunk,
        with set: InstructionSet = .best
    ) -> Int? {
        let head = RawFrame.head(of: plain.count)
        guard plain.count < 1 << 30, room.count > head.count + RawFrame.checksum else { return nil }
        var end = head.count
        unsafe plain.withUnsafeBufferPointer { plain in
            unsafe room.withUnsafeMutableBufferPointer { room in
                work.withRoom { work in
                    unsafe work.withUnsafeMutableBufferPointer { work in
                        guard let from = plain.baseAddress, let to = room.baseAddress else { return }
                        end += unsafe cake_write_literals(
                            set.rawValue, from, plain.count, to + end, room.count - end - RawFrame.checksum,
                            work.baseAddress)
                    }
                }
            }
        }
        guard end > head.count else { return nil }
        room.copy(head.span, at: 0)
        let sum = unsafe plain.withUnsafeBufferPointer { unsafe XXH64($0.baseAddress, $0.count, 0) }
        for index in 0..<RawFrame.checksum { room[end + index] = UInt8(truncatingIfNeeded: sum >> (8 * UInt64(index))) }
        return end + RawFrame.checksum
    }

    /// The same for tests of one set of instructions.
    public static func write(
        _ plain: Span<UInt8>, into room: inout MutableSpan<UInt8>, with set: InstructionSet
    ) -> Int? {
        write(plain, into: &room, workingIn: LiteralFrame.room(), with: set)
    }
}
