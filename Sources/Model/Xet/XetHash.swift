/// 32 bytes by which Xet names a chunk, a xorb (many chunks in one blob) or a file: a keyed BLAKE3. It is written as four
/// numbers in hex, each from eight bytes in little-endian order, so the text is not that of the bytes one by one.
public struct XetHash: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let byteCount = 32

    /// The bytes, eight at a time, as little-endian numbers.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    public init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Exactly 32 bytes.
    public init?(bytes: Span<UInt8>) {
        guard bytes.count == XetHash.byteCount else { return nil }
        func word(_ index: Int) -> UInt64 {
            (0..<8).reversed().reduce(0) { $0 << 8 | UInt64(bytes[index * 8 + $1]) }
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// Exactly 64 lower-case hex digits.
    public init?(text: Span<UInt8>) {
        guard let digest = Digest(hex: text) else { return nil }
        self.init(spelledLike: digest)
    }

    public init?(text: String) {
        guard let digest = Digest(hex: text) else { return nil }
        self.init(spelledLike: digest)
    }

    /// The hash whose text is the digest's hex: 64 digits were read before their kind was known.
    init(spelledLike digest: Digest) { words = digest.words }

    /// Of a file without bytes.
    public static let empty = XetHash(words: (0, 0, 0, 0))

    public var bytes: [UInt8] {
        [words.0, words.1, words.2, words.3].flatMap { word in
            (0..<8).map { UInt8(truncatingIfNeeded: word >> ($0 * 8)) }
        }
    }

    /// As Xet's servers and listings spell it.
    public var text: String { Digest(words: words).hex }

    public var description: String { text }

    /// Whether a group of nodes in Xet's tree ends with this one.
    public var endsGroup: Bool { words.3 % 4 == 0 }

    public static func == (left: XetHash, right: XetHash) -> Bool { left.words == right.words }

    public static func < (left: XetHash, right: XetHash) -> Bool { left.words < right.words }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}

/// A run of bytes that Xet keeps as one: at most 128 KiB, ended where its bytes say so.
public struct XetChunk: Hashable, Sendable {
    public static let minimumSize = 8 << 10
    public static let maximumSize = 128 << 10

    public let hash: XetHash
    public let size: Int

    public init(hash: XetHash, size: Int) {
        self.hash = hash
        self.size = size
    }
}
