internal import CXXHash
internal import Glibc
public import Model

/// A zstd frame of raw blocks only, the stored form of bytes that do not compress. The place of its blocks follows from its
/// length: they are read directly to their destination, without decoding.
///
///     head | mark, block | mark, block | … | checksum
public struct RawFrame: Sendable {
    private let plain: Int
    /// Magic number, descriptor, window and content size.
    private let head: Int
    /// Where it ends, a checksum is.
    static let checksum = 4
    private static let mark = 3
    private static let block = 128 << 10
    private static let magic: UInt32 = 0xFD2F_B528

    /// Nil when a frame of this length cannot be one.
    public init?(length: Int, plain: Int) {
        guard plain > 0, plain <= 1 << 30, length > plain else { return nil }
        let blocks = (plain + RawFrame.block - 1) / RawFrame.block
        let head = length - plain - blocks * RawFrame.mark - RawFrame.checksum
        guard (6...14).contains(head) else { return nil }
        self.plain = plain
        self.head = head
    }

    private var blocks: Int { (plain + RawFrame.block - 1) / RawFrame.block }

    private func size(ofBlock index: Int) -> Int { min(RawFrame.block, plain - index * RawFrame.block) }

    /// Puts the plain bytes of the frame at `offset` into a chunk. False if it is another kind of frame or damaged:
    /// then decoding decides. Callers that hash the bytes need no checksum.
    public func read(from file: File, at offset: UInt64, into chunk: Chunk, hashedLater: Bool) throws(CakeError)
        -> Bool
    {
        guard file.isHere, plain <= chunk.capacity, let start = Int(exactly: offset) else { return false }
        var marks = [UInt8](repeating: 0, count: head + blocks * RawFrame.mark + RawFrame.checksum)
        let count = try chunk.withRoom { room throws(CakeError) in
            try unsafe room.withUnsafeMutableBufferPointer { target throws(CakeError) in
                try unsafe marks.withUnsafeMutableBufferPointer { marks throws(CakeError) in
                    guard let to = target.baseAddress, let beside = marks.baseAddress else { return 0 }
                    let places = unsafe vectors(to, beside)
                    return try retrying("read", file.path) {
                        unsafe preadv(file.descriptor, places, Int32(places.count), start)
                    }
                }
            }
        }
        guard count == marks.count + plain, isRaw(marks.span) else { return false }
        chunk.count = plain
        return hashedLater
            || chunk.withBytes { RawFrame.sum(of: $0) }
                == marks.span.littleEndian(UInt32.self, at: marks.count - RawFrame.checksum)
    }

    /// The checksum that a frame ends with.
    private static func sum(of plain: Span<UInt8>) -> UInt32 {
        UInt32(truncatingIfNeeded: unsafe plain.withUnsafeBufferPointer { unsafe XXH64($0.baseAddress, $0.count, 0) })
    }

    private func vectors(_ plain: UnsafeMutablePointer<UInt8>, _ marks: UnsafeMutablePointer<UInt8>) -> [iovec] {
        var (vectors, marked, placed): ([iovec], Int, Int) = unsafe ([], 0, 0)
        for index in 0..<blocks {
            let mark = index == 0 ? head + RawFrame.mark : RawFrame.mark
            unsafe vectors.append(iovec(iov_base: marks + marked, iov_len: mark))
            unsafe vectors.append(iovec(iov_base: plain + placed, iov_len: size(ofBlock: index)))
            marked += mark
            placed += size(ofBlock: index)
        }
        unsafe vectors.append(iovec(iov_base: marks + marked, iov_len: RawFrame.checksum))
        return unsafe vectors
    }

    /// Whether the bytes between the blocks are those of zstd's format for blocks of these lengths.
    private func isRaw(_ marks: Span<UInt8>) -> Bool {
        guard marks.littleEndian(UInt32.self, at: 0) == RawFrame.magic else { return false }
        let descriptor = marks[4]
        let (isSingle, hasChecksum) = (descriptor & 0x20 != 0, descriptor & 0x04 != 0)
        guard hasChecksum, descriptor & 0x1B == 0 else { return false }
        var position = isSingle ? 5 : 6
        switch descriptor >> 6 {
        case 0 where isSingle:
            guard Int(marks[position]) == plain else { return false }
            position += 1
        case 1:
            guard position + 2 <= head, Int(marks.littleEndian(UInt16.self, at: position)) + 256 == plain else {
                return false
            }
            position += 2
        case 2:
            guard position + 4 <= head, Int(marks.littleEndian(UInt32.self, at: position)) == plain else {
                return false
            }
            position += 4
        default: return false
        }
        guard position == head else { return false }
        for index in 0..<blocks {
            let at = position + index * RawFrame.mark
            let mark = Int(marks[at]) | Int(marks[at + 1]) << 8 | Int(marks[at + 2]) << 16
            guard mark == size(ofBlock: index) << 3 | (index == blocks - 1 ? 1 : 0) else { return false }
        }
        return true
    }
}

extension RawFrame {
    /// Puts plain bytes into such a frame at the start of `room`; returns its length, or nil if they do not fit.
    /// Libzstd takes three times as long to find that it has nothing to do. A block of one repeated byte contains only
    /// that byte, except the first block, for which early readers of zstd refuse it.
    static func write(_ plain: Span<UInt8>, into room: inout MutableSpan<UInt8>) -> Int? {
        let count = plain.count
        precondition(count < 1 << 30)
        let blocks = max(1, (count + block - 1) / block)
        guard room.count >= 9 + blocks * mark + count + checksum else { return nil }
        let head = head(of: count)
        room.copy(head.span, at: 0)
        var end = head.count
        func put(_ number: Int, _ bytes: Int, into room: inout MutableSpan<UInt8>) {
            for index in 0..<bytes { room[end + index] = UInt8(truncatingIfNeeded: number >> (8 * index)) }
            end += bytes
        }
        for index in 0..<blocks {
            let (kept, mark) = kept(plain, block: index, of: blocks)
            put(mark, RawFrame.mark, into: &room)
            room.copy(plain.extracting(kept), at: end)
            end += kept.count
        }
        put(Int(sum(of: plain)), checksum, into: &room)
        return end
    }

    /// Whether `write` made the frame of these bytes: the blocks are compared where they are. The checksum was made of the same bytes,
    /// and is not made again.
    public static func holds(_ plain: Span<UInt8>, _ frame: Span<UInt8>) -> Bool {
        let head = head(of: plain.count)
        let blocks = max(1, (plain.count + block - 1) / block)
        guard frame.count >= head.count, equal(frame.extracting(0..<head.count), head.span) else { return false }
        var end = head.count
        for index in 0..<blocks {
            let (kept, mark) = kept(plain, block: index, of: blocks)
            guard frame.count - end >= RawFrame.mark + kept.count else { return false }
            for byte in 0..<RawFrame.mark where frame[end + byte] != UInt8(truncatingIfNeeded: mark >> (8 * byte)) {
                return false
            }
            end += RawFrame.mark
            guard equal(frame.extracting(end..<end + kept.count), plain.extracting(kept)) else { return false }
            end += kept.count
        }
        return frame.count == end + checksum
    }

    /// One segment, a checksum, and the content's size in as few bytes as it takes.
    static func head(of count: Int) -> [UInt8] {
        var head: [UInt8] = []
        head.append(littleEndian: magic)
        switch count {
        case ..<256: head += [0x24, UInt8(truncatingIfNeeded: count)]
        case ..<(65_536 + 256):
            head.append(0x64)
            head.append(littleEndian: UInt16(truncatingIfNeeded: count - 256))
        default:
            head.append(0xA4)
            head.append(littleEndian: UInt32(truncatingIfNeeded: count))
        }
        return head
    }

    /// The plain bytes that stand in a block, and its mark.
    private static func kept(_ plain: Span<UInt8>, block index: Int, of blocks: Int) -> (Range<Int>, mark: Int) {
        let part = index * block..<min(plain.count, (index + 1) * block)
        let isOneByte = index > 0 && repeats(plain.extracting(part))
        let mark = part.count << 3 | (isOneByte ? 2 : 0) | (index == blocks - 1 ? 1 : 0)
        return (isOneByte ? part.lowerBound..<part.lowerBound + 1 : part, mark)
    }

    private static func equal(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        return unsafe one.withUnsafeBufferPointer { one in
            unsafe other.withUnsafeBufferPointer { other in
                guard let start = one.baseAddress, let otherStart = other.baseAddress else { return true }
                return unsafe memcmp(start, otherStart, one.count) == 0
            }
        }
    }

    /// Whether a byte is followed by nothing but itself.
    private static func repeats(_ bytes: Span<UInt8>) -> Bool {
        unsafe bytes.withUnsafeBufferPointer { bytes in
            guard bytes.count > 1, let start = bytes.baseAddress else { return false }
            return unsafe memcmp(start, start + 1, bytes.count - 1) == 0
        }
    }
}
