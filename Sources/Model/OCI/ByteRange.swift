/// Which bytes of a body are asked for, or sent.
public enum ByteRange: Hashable, Sendable {
    case whole
    case part(Range<UInt64>)
    /// The range begins after the end.
    case beyond

    /// The range that a `Range` header requests from a body of this size. Several ranges, other units and invalid
    /// headers request all of it, by the standard.
    public init(header: String?, size: UInt64) {
        self = .whole
        guard let header, header.utf8.starts(with: "bytes=".utf8) else { return }
        let text = Array(header.utf8.dropFirst(6))
        guard let dash = text.firstIndex(of: UInt8(ascii: "-")) else { return }
        let (first, last) = (text[..<dash], text[(dash + 1)...])
        if first.isEmpty {
            guard let count = ByteRange.number(last) else { return }
            self = count == 0 || size == 0 ? .beyond : .part(size - min(count, size)..<size)
        } else if let start = ByteRange.number(first) {
            let end = last.isEmpty ? .max : ByteRange.number(last)
            guard let end, end >= start else { return }
            self = start < size ? .part(start..<min(end, size - 1) + 1) : .beyond
        }
    }

    /// The `Content-Range` of a chunk: first and last byte, without a unit. Nil for other forms.
    public static func chunk(_ header: String) -> Range<UInt64>? {
        let text = Array(header.utf8)
        guard let dash = text.firstIndex(of: UInt8(ascii: "-")), let first = number(text[..<dash]),
            let last = number(text[(dash + 1)...]), first <= last, last < ByteCount.maximum
        else { return nil }
        return first..<last + 1
    }

    /// Digits alone; nil for a number that does not fit.
    public static func number(_ text: some Sequence<UInt8>) -> UInt64? {
        var value: UInt64?
        for byte in text {
            let digit = byte &- UInt8(ascii: "0")
            guard digit < 10 else { return nil }
            let (tens, isOver) = (value ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, isMore) = tens.addingReportingOverflow(UInt64(digit))
            guard !isOver, !isMore else { return nil }
            value = sum
        }
        return value
    }
}
