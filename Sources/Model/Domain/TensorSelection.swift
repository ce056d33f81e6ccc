/// The tensors that a person names: by patterns, or by the number of their block. A tensor is meant when one of either
/// fits, and all are when nothing is named.
public struct TensorSelection {
    private let filters: [TensorFilter]
    private let blocks: [ClosedRange<UInt64>]

    /// `patterns` are read by `TensorFilter`; `blocks` are numbers and ranges, such as `0-7,12`.
    public init(patterns: [String] = [], blocks: [String] = []) throws(CakeError) {
        filters = try patterns.map(TensorFilter.init)
        var ranges: [ClosedRange<UInt64>] = []
        for text in blocks { ranges += try TensorSelection.ranges(text) }
        self.blocks = ranges
    }

    public var isEverything: Bool { filters.isEmpty && blocks.isEmpty }

    public func matches(_ name: ExactText) -> Bool {
        if isEverything || filters.contains(where: { $0.matches(name) }) { return true }
        guard !blocks.isEmpty, let number = NetworkBlock(of: name).number else { return false }
        return blocks.contains { $0.contains(number) }
    }

    private static func ranges(_ text: String) throws(CakeError) -> [ClosedRange<UInt64>] {
        let refusal = CakeError(
            .usage, "\"\(Printable.escape(text))\" selects no layers",
            fix: "write numbers from 0 on, such as 0-7 or 0-3,12")
        var ranges: [ClosedRange<UInt64>] = []
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let ends = part.split(separator: "-", omittingEmptySubsequences: false).map { number(String($0)) }
            guard (1...2).contains(ends.count), let first = ends[0], let last = ends[ends.count - 1], first <= last
            else {
                throw refusal
            }
            ranges.append(first...last)
        }
        return ranges
    }

    private static func number(_ text: String) -> UInt64? {
        text.utf8.allSatisfy { (0x30...0x39).contains($0) } ? UInt64(text) : nil
    }
}
