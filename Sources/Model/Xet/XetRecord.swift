/// Coordinates of layers as they are kept: a text that is derived from what a server said, and can be deleted.
///
///     cake xet 1
///     layer <sha256> <bytes>
///     <xorb> <first chunk> <chunk behind the last> <bytes of them> <first byte of the layer in these> <how many>
public struct XetRecord: Hashable, Sendable {
    public static let maximumSize = 64 << 20
    /// A layer that is scattered more than that is not worth its coordinates.
    public static let maximumRuns = 16_384

    public struct Entry: Hashable, Sendable {
        public let layer: Layer
        public let coordinates: XetCoordinates

        /// Nil when there is nothing to gain: no bytes, too many runs, or another length than the layer's.
        public init?(_ layer: Layer, _ coordinates: XetCoordinates) {
            guard layer.size > 0, coordinates.size == layer.size, coordinates.runs.count <= maximumRuns else {
                return nil
            }
            self.layer = layer
            self.coordinates = coordinates
        }
    }

    /// A layer may be here twice, in different places.
    public private(set) var entries: [Entry] = []

    public init() {}

    public mutating func add(_ entry: Entry) { entries.append(entry) }

    /// Without layers that would exceed the size limit.
    public var text: [UInt8] {
        var text = Array("cake xet 1\n".utf8)
        for entry in entries {
            var lines = Array("layer \(entry.layer.digest) \(entry.layer.size)\n".utf8)
            for run in entry.coordinates.runs {
                let (term, bytes) = (run.term, run.bytes)
                lines += Array(
                    "\(term.xorb) \(term.chunks.lowerBound) \(term.chunks.upperBound) \(term.size) ".utf8)
                lines += Array("\(bytes.lowerBound) \(bytes.count)\n".utf8)
            }
            guard text.count + lines.count <= XetRecord.maximumSize else { break }
            text += lines
        }
        return text
    }

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= XetRecord.maximumSize else { throw CakeError(.damaged, "it is too long") }
        var lines = Lines()
        var first = lines.next(in: bytes)
        guard let greeting = first?.word(in: bytes), greeting == "cake", first?.word(in: bytes) == "xet",
            first?.word(in: bytes) == "1", first?.isAtEnd == true
        else { throw lines.refuse("does not begin a list of coordinates") }
        var layer: Layer?
        var runs: [XetCoordinates.Run] = []
        while !lines.isAtEnd(of: bytes) {
            guard var words = lines.next(in: bytes) else { throw lines.refuse("is cut short") }
            if words.skip(prefix: "layer", in: bytes) {
                try close(layer, runs, lines)
                var rest = words
                guard rest.skip(prefix: " ", in: bytes), let digest = rest.digest(in: bytes),
                    let size = rest.number(in: bytes), rest.isAtEnd
                else { throw lines.refuse("names no layer") }
                layer = Layer(digest: digest, size: size)
                runs = []
            } else {
                guard layer != nil, runs.count < XetRecord.maximumRuns, let run = try XetRecord.run(&words, in: bytes)
                else { throw lines.refuse("is no run of a layer") }
                runs.append(run)
            }
        }
        try close(layer, runs, lines)
    }

    private mutating func close(_ layer: Layer?, _ runs: [XetCoordinates.Run], _ lines: Lines) throws(CakeError) {
        guard let layer else { return }
        guard let entry = Entry(layer, try XetCoordinates(runs)) else {
            throw lines.refuse("ends a layer whose runs are not as long as it is")
        }
        entries.append(entry)
    }

    private static func run(_ words: inout Words, in bytes: Span<UInt8>) throws(CakeError) -> XetCoordinates.Run? {
        guard let xorb = words.digest(in: bytes), let start = words.number(in: bytes),
            let end = words.number(in: bytes),
            let size = words.number(in: bytes), let first = words.number(in: bytes),
            let count = words.number(in: bytes), words.isAtEnd, start < end, let start = UInt32(exactly: start),
            let end = UInt32(exactly: end)
        else { return nil }
        let (last, overflow) = first.addingReportingOverflow(count)
        guard !overflow else { return nil }
        let term = try XetReconstruction.Term(xorb: XetHash(spelledLike: xorb), chunks: start..<end, size: size)
        return try XetCoordinates.Run(term, bytes: first..<last)
    }
}
