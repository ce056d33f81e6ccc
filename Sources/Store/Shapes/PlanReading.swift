public import Model
public import Platform

/// Bytes of a blob on their way: a part of a piece of a file, or what lies between files.
public enum PlannedPiece: Sendable {
    case bytes([UInt8])
    case chunk(Chunk, Range<Int>)

    public var count: Int {
        switch self {
        case .bytes(let bytes): bytes.count
        case .chunk(_, let range): range.count
        }
    }

    public func withBytes<Result, Failure: Error>(
        _ body: (Span<UInt8>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        switch self {
        case .bytes(let bytes): return try body(bytes.span)
        case .chunk(let chunk, let range):
            return try chunk.withBytes { all throws(Failure) in try body(all.extracting(range)) }
        }
    }
}

extension BlobPlan {
    /// Passes on a range of the blob in order. Pieces of files are decoded ahead, and checked by their checksums. A piece that
    /// was passed on is not used after `take` returns.
    public func read(
        _ range: Range<UInt64>? = nil, by reader: LayerReader, _ take: (PlannedPiece) async throws -> Void
    ) async throws {
        for part in parts(of: range ?? 0..<size) {
            switch part {
            case .bytes(let bytes): try await take(.bytes(bytes))
            case .file(let file, let run):
                try await PieceReader(file.segments.lazy.map(\.layer), by: reader).read(run) { chunk, bytes in
                    try await take(.chunk(chunk, bytes))
                }
            }
        }
    }
}
