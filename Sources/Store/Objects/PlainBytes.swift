public import Codec
public import Model
public import Platform

/// Plain bytes on this disk, to be read as often as needed: one run of a file, several in order, or a layer.
public struct PlainBytes: PieceSource, Sendable {
    public struct Run: Sendable {
        let file: File
        let start: UInt64
        let count: UInt64

        public init(file: File, start: UInt64, count: UInt64) {
            self.file = file
            self.start = start
            self.count = count
        }
    }

    private let runs: [Run]
    private let extents: Extents
    private let stored: (layer: Layer, reader: LayerReader)?
    public var count: UInt64 { extents.whole.upperBound }

    public init(file: File, start: UInt64, count: UInt64) { self.init([Run(file: file, start: start, count: count)]) }

    public init(_ runs: [Run]) {
        self.runs = runs
        extents = Extents(runs.lazy.map(\.count))
        stored = nil
    }

    /// A layer that a store already has.
    package init(_ layer: Layer, in reader: LayerReader) {
        runs = []
        extents = Extents([layer.size])
        stored = (layer, reader)
    }

    /// Their name in an error.
    var path: String { stored.map { "layer \($0.layer.digest.short)" } ?? runs.first?.file.path ?? "nothing" }

    /// All of them; for headers, whose length was checked.
    public func all() throws(CakeError) -> [UInt8] {
        var bytes: [UInt8] = []
        for run in runs { bytes += try run.file.bytes(at: run.start, count: Int(run.count)) }
        return bytes
    }

    /// Their place, if they are in one run.
    var onlyRun: (File, UInt64)? { stored == nil && runs.count == 1 ? (runs[0].file, runs[0].start) : nil }

    /// Puts exactly `count` bytes from `offset` on into a chunk.
    public func fill(_ chunk: Chunk, from offset: UInt64, count: Int) throws(CakeError) {
        if let (layer, reader) = stored { return try reader.fill(chunk, from: offset, count: count, of: layer) }
        chunk.count = 0
        try append(offset..<offset + UInt64(count), to: chunk)
    }

    private func append(_ range: Range<UInt64>, to chunk: Chunk) throws(CakeError) {
        let end = chunk.count + Int(range.length)
        for part in extents.parts(of: range) {
            let run = runs[part.index]
            try run.file.append(to: chunk, from: run.start + part.bytes.lowerBound, count: Int(part.bytes.length))
        }
        guard chunk.count == end else { throw CakeError(.damaged, "\(path) ends too early") }
    }

    /// Bytes that are read and hashed in steps of this size are hashed in the core's own cache.
    static let step: UInt64 = 256 << 10

    /// Puts a piece into a chunk, and passes on each step of it as soon as it is there.
    func fill(
        piece index: Int, into chunk: Chunk, _ take: (Span<UInt8>) throws(CakeError) -> Void
    ) throws(CakeError) {
        guard stored == nil else {
            try fill(piece: index, into: chunk)
            return try chunk.withBytes(take)
        }
        let start = UInt64(index) << UInt64(ObjectHeader.standardPieceBits)
        let end = start + min(UInt64(chunk.capacity), count - start)
        chunk.count = 0
        var position = start
        while position < end {
            let next = min(position + PlainBytes.step, end)
            try append(position..<next, to: chunk)
            try chunk.withBytes { bytes throws(CakeError) in
                try take(bytes.extracting(Int(position - start)..<Int(next - start)))
            }
            position = next
        }
    }

    /// All of them in turn, as much at a time as the chunk holds, and where each begins.
    package func forEachChunk(
        through chunk: Chunk, _ body: (UInt64, Span<UInt8>) throws(CakeError) -> Void
    ) throws(CakeError) {
        var offset: UInt64 = 0
        while offset < count {
            let size = Int(min(UInt64(chunk.capacity), count - offset))
            try fill(chunk, from: offset, count: size)
            try chunk.withBytes { bytes throws(CakeError) in try body(offset, bytes) }
            offset += UInt64(size)
        }
    }
}
