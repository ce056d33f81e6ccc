public import Model

/// Cuts bytes into chunks where they themselves say so, as Xet does: after a byte at which the gear hash of the chunk so
/// far has sixteen zeros on top, but not before 8 KiB, and at 128 KiB in any case. The bytes may come in slices of any
/// length; of a chunk that spans slices a copy is kept until it is whole.
public struct XetChunker: Sendable {
    /// The chunk at hand, as far as earlier slices had it.
    private var started: [UInt8] = []
    private var gear: UInt64 = 0

    private static let mask: UInt64 = 0xffff_0000_0000_0000
    /// Each step shifts the hash by one: bytes further back than this have no influence.
    private static let window = 64

    public init() {}

    /// Calls `take` for every chunk that ends within these bytes, in order.
    public mutating func update(_ bytes: Span<UInt8>, take: (XetChunk) -> Void) {
        var rest = bytes
        while rest.count > 0 {
            guard let end = cut(rest) else {
                append(rest)
                return
            }
            if started.isEmpty {
                take(XetChunker.chunk(rest.extracting(first: end)))
            } else {
                append(rest.extracting(first: end))
                take(XetChunker.chunk(started.span))
                started.removeAll(keepingCapacity: true)
            }
            gear = 0
            rest = rest.extracting(droppingFirst: end)
        }
    }

    /// The chunk that the end of the bytes ends; nil when one had just ended, or there were no bytes.
    public consuming func finish() -> XetChunk? { started.isEmpty ? nil : XetChunker.chunk(started.span) }

    private static func chunk(_ bytes: Span<UInt8>) -> XetChunk {
        XetChunk(hash: BLAKE3.hash(of: bytes, key: .chunk), size: bytes.count)
    }

    private mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe started.append(contentsOf: $0) }
    }

    /// How many of these bytes end the current chunk; nil if it continues after them.
    private mutating func cut(_ bytes: Span<UInt8>) -> Int? {
        let before = started.count
        let last = min(bytes.count, XetChunk.maximumSize - before)
        // Where the hash begins to matter, and where it is first looked at.
        let start = min(last, max(0, XetChunk.minimumSize - XetChunker.window - before))
        let look = min(last, max(0, XetChunk.minimumSize - 1 - before))
        var hash = gear
        let found = unsafe XetGear.table.withUnsafeBufferPointer { table in
            unsafe bytes.withUnsafeBufferPointer { bytes -> Int? in
                guard let table = table.baseAddress, let bytes = bytes.baseAddress else { return nil }
                var place = start
                while place < look {
                    hash = unsafe (hash << 1) &+ table[Int(bytes[place])]
                    place += 1
                }
                while place < last {
                    hash = unsafe (hash << 1) &+ table[Int(bytes[place])]
                    place += 1
                    if hash & XetChunker.mask == 0 { return place }
                }
                return nil
            }
        }
        gear = hash
        if let found { return found }
        return before + last == XetChunk.maximumSize ? last : nil
    }
}
