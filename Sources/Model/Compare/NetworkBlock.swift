/// The part of a network that a tensor belongs to, from its name alone: up to and including the first part that is a
/// number (`model.layers.7`); without one, all but the last part (`model.embed_tokens`).
public struct NetworkBlock: Hashable, Sendable {
    /// Without the number and the dot before it.
    public let prefix: ExactText
    /// nil when the name has no part that is a number. A number with leading zeros is text.
    public let number: UInt64?

    public init(prefix: ExactText, number: UInt64?) {
        self.prefix = prefix
        self.number = number
    }

    public init(of name: ExactText) {
        let parts = BlockParts(of: name)
        prefix = parts.prefix(of: name)
        number = parts.number
    }

    /// The name after the number: `.self_attn.q_proj.weight`; all of it if there is no number.
    static func suffix(of name: ExactText) -> ExactText {
        let parts = BlockParts(of: name)
        return parts.number == nil ? name : ExactText(String(Substring(name.string.utf8.dropFirst(parts.end))))
    }
}

/// Finds the block of one name after another. Neighbours mostly share a prefix, so it is made once for many.
struct BlockFinder {
    private var last: (bytes: [UInt8], prefix: ExactText) = ([], "")

    mutating func block(of name: ExactText) -> NetworkBlock {
        let parts = BlockParts(of: name)
        let bytes = name.string.utf8Span.span
        var isLast = last.bytes.count == parts.prefixEnd
        if isLast {
            for index in 0..<parts.prefixEnd where bytes[index] != last.bytes[index] {
                isLast = false
                break
            }
        }
        if !isLast {
            let prefix = parts.prefix(of: name)
            last = (Array(prefix.string.utf8), prefix)
        }
        return NetworkBlock(prefix: last.prefix, number: parts.number)
    }
}

/// Where the block of a name ends, in bytes.
private struct BlockParts {
    let prefixEnd: Int
    /// After the number; as `prefixEnd` if there is none.
    let end: Int
    let number: UInt64?

    init(of name: ExactText) {
        let bytes = name.string.utf8Span.span
        let dot = UInt8(ascii: ".")
        var start = 0
        var lastDot: Int?
        while start <= bytes.count {
            var stop = start
            while stop < bytes.count, bytes[stop] != dot { stop += 1 }
            if let value = BlockParts.number(in: bytes, start..<stop) {
                prefixEnd = max(0, start - 1)
                end = stop
                number = value
                return
            }
            if stop < bytes.count { lastDot = stop }
            start = stop + 1
        }
        prefixEnd = lastDot ?? bytes.count
        end = prefixEnd
        number = nil
    }

    func prefix(of name: ExactText) -> ExactText {
        guard prefixEnd < name.string.utf8.count else { return name }
        return ExactText(String(Substring(name.string.utf8.prefix(prefixEnd))))
    }

    /// Decimal digits only, at most nineteen, no leading zeros.
    private static func number(in bytes: Span<UInt8>, _ range: Range<Int>) -> UInt64? {
        guard !range.isEmpty, range.count < 20, range.count == 1 || bytes[range.lowerBound] != 0x30 else { return nil }
        var value: UInt64 = 0
        for index in range {
            let digit = bytes[index] &- 0x30
            guard digit < 10 else { return nil }
            value = value * 10 + UInt64(digit)
        }
        return value
    }
}
