/// A SHA-256: the only name bytes have. Four words, never on the heap, and nothing but this type builds a path to bytes.
public struct Digest: Hashable, Sendable, Comparable, CustomStringConvertible {
    public static let byteCount = 32

    /// The 32 bytes as big-endian words: comparing words orders digests as their hex text does.
    public let words: (UInt64, UInt64, UInt64, UInt64)

    public init(words: (UInt64, UInt64, UInt64, UInt64)) {
        self.words = words
    }

    /// Exactly 32 bytes.
    @inlinable
    public init?(bytes: Span<UInt8>) {
        guard bytes.count == Digest.byteCount else { return nil }
        func word(_ index: Int) -> UInt64 {
            var value: UInt64 = 0
            for offset in 0..<8 { value = value << 8 | UInt64(bytes[index * 8 + offset]) }
            return value
        }
        words = (word(0), word(1), word(2), word(3))
    }

    /// Exactly 64 lower-case hex digits. There is one spelling: a digest has one file name.
    public init?(hex: Span<UInt8>) {
        guard hex.count == 2 * Digest.byteCount else { return nil }
        func word(_ index: Int) -> UInt64? {
            guard let high = Digest.value(ofDigits: hex.littleEndian(UInt64.self, at: 16 * index)),
                let low = Digest.value(ofDigits: hex.littleEndian(UInt64.self, at: 16 * index + 8))
            else { return nil }
            return high << 32 | low
        }
        guard let first = word(0), let second = word(1), let third = word(2), let fourth = word(3) else { return nil }
        words = (first, second, third, fourth)
    }

    /// Of eight digits, the first in the lowest byte. All at once: a store's manifests have a hundred million digits.
    private static func value(ofDigits digits: UInt64) -> UInt64? {
        /// One bit for each byte.
        let ones: UInt64 = 0x0101_0101_0101_0101
        let letters = digits >> 6 & ones
        // Of a digit the upper half is 3, of a letter from a to f it is 6.
        guard digits & (0xF0 * ones) == 0x30 * (ones + letters) else { return nil }
        let values = digits & (0x0F * ones) + 9 * letters
        // A digit's value is below 10, a letter's from 10 to 15.
        guard values & (0x10 * ones) == 0, (values + 6 * ones) >> 4 & ones == letters else { return nil }
        var packed = values.byteSwapped
        packed = (packed | packed >> 4) & 0x00FF_00FF_00FF_00FF
        packed = (packed | packed >> 8) & 0x0000_FFFF_0000_FFFF
        return (packed | packed >> 16) & 0xFFFF_FFFF
    }

    public init?(hex text: String) {
        let bytes = Array(text.utf8)
        self.init(hex: bytes.span)
    }

    /// The digest of no bytes at all. A layer of that name is always here.
    public static let empty = Digest(
        words: (0xe3b0_c442_98fc_1c14, 0x9afb_f4c8_996f_b924, 0x27ae_41e4_649b_934c, 0xa495_991b_7852_b855))

    public var bytes: [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(Digest.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) {
                result.append(UInt8(truncatingIfNeeded: word >> shift))
            }
        }
        return result
    }

    public var hex: String {
        var digits: [UInt8] = []
        digits.reserveCapacity(2 * Digest.byteCount)
        appendHex(to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    /// The hex text as bytes, for writers of long texts.
    public func appendHex(to bytes: inout [UInt8]) {
        func append(_ word: UInt64) {
            var rest = word
            for _ in 0..<16 {
                rest = rest << 4 | rest >> 60
                let digit = UInt8(truncatingIfNeeded: rest & 15)
                bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
        append(words.0)
        append(words.1)
        append(words.2)
        append(words.3)
    }

    /// As much of the hex text as people read.
    public var short: String { String(hex.prefix(12)) }

    public var description: String { hex }

    public static func == (left: Digest, right: Digest) -> Bool {
        left.words.0 == right.words.0 && left.words.1 == right.words.1 && left.words.2 == right.words.2
            && left.words.3 == right.words.3
    }

    public static func < (left: Digest, right: Digest) -> Bool { left.words < right.words }

    /// All of it: a stranger's manifest can claim a million digests that differ in one word.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
        hasher.combine(words.2)
        hasher.combine(words.3)
    }
}
