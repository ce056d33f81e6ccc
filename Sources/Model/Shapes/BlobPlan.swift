/// The bytes of a blob in order, without making it: bytes that are known, and files of a model. Any range of it can be
/// given.
public struct BlobPlan: Hashable, Sendable {
    public enum Piece: Hashable, Sendable {
        case bytes([UInt8])
        case file(Manifest.File)

        var size: UInt64 {
            switch self {
            case .bytes(let bytes): UInt64(bytes.count)
            case .file(let file): file.size
            }
        }
    }

    /// A run of one piece.
    public enum Part: Hashable, Sendable {
        case bytes([UInt8])
        case file(Manifest.File, Range<UInt64>)
    }

    public let pieces: [Piece]
    private let extents: Extents

    public init(_ pieces: [Piece]) {
        self.pieces = pieces
        extents = Extents(pieces.lazy.map(\.size))
    }

    public init(bytes: [UInt8]) { self.init([.bytes(bytes)]) }

    public var size: UInt64 { extents.whole.upperBound }

    public var files: some Sequence<Manifest.File> {
        pieces.lazy.compactMap { piece -> Manifest.File? in
            if case .file(let file) = piece { file } else { nil }
        }
    }

    /// The digest, where that is known: of a blob that is one file.
    public var knownDigest: Digest? {
        guard pieces.count == 1, case .file(let file) = pieces[0] else { return nil }
        return file.digest
    }

    /// The parts of a range in order.
    public func parts(of range: Range<UInt64>) -> [Part] {
        extents.parts(of: range).map { place, run in
            switch pieces[place] {
            case .bytes(let bytes): .bytes(Array(bytes[Int(run.lowerBound)..<Int(run.upperBound)]))
            case .file(let file): .file(file, run)
            }
        }
    }
}
