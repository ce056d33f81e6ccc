public import Model
public import Platform
internal import Store

/// How a file is cut into layers: a safetensors file into its header and its tensors, other files into equal pieces.
public struct Segmentation: Sendable {
    public struct Cut: Sendable {
        public let start: UInt64
        public let count: UInt64
        public let tensor: Tensor?
    }

    public let cuts: [Cut]
    /// Why a file called .safetensors was taken as plain bytes.
    public let complaint: CakeError?

    /// For a file without tensors. Files of more than a tebibyte are cut into as many larger pieces: the memory for a
    /// file must not grow with the size that a server claims.
    static let pieceSize: UInt64 = 16 << 20
    static let mostCuts = 1 << 16

    /// The most cuts of each of so many files that are only inspected: all of them are in memory at once.
    static func mostCuts(eachOf files: Int) -> Int { max(1, min(mostCuts, (1 << 20) / max(files, 1))) }

    /// Reads the header of a file called .safetensors. One that is not valid is an error, or plain bytes when `isLenient`.
    public init(of file: File, path: FilePath, size: UInt64, isLenient: Bool) throws(CakeError) {
        guard Segmentation.hasHeader(path) else {
            self.init(plain: size)
            return
        }
        do {
            self.init(try Segmentation.header(of: file, size: size))
        } catch {
            guard error.kind == .damaged, isLenient else {
                guard error.kind == .damaged else { throw error }
                throw CakeError(
                    .damaged, "\(path): \(error.what)",
                    fix: "\(error.fix.map { $0 + "; " } ?? "")--lenient keeps it as plain bytes")
            }
            self.init(plain: size, complaint: error.at(path.description))
        }
    }

    /// Whether a file with that name has a header with its tensors.
    static func hasHeader(_ path: FilePath) -> Bool { path.string.lowercased().hasSuffix(".safetensors") }

    /// Bytes without tensors, or with an unreadable header.
    init(plain size: UInt64, complaint: CakeError? = nil, most: Int = mostCuts) {
        cuts = Segmentation.even(size, most: most)
        self.complaint = complaint
    }

    init(_ header: Safetensors.Header) {
        cuts = Segmentation.cuts(of: header)
        complaint = nil
    }

    /// The cuts of a file that is in the store.
    init(_ known: Manifest.File) {
        cuts = zip(known.segments, known.extents).map { segment, bytes in
            Cut(start: bytes.lowerBound, count: bytes.length, tensor: segment.tensor)
        }
        complaint = nil
    }

    /// Neighbouring cuts that are worked on together: one large layer, or a run of small ones.
    public struct Unit: Sendable {
        public let cuts: Range<Int>
        public let start: UInt64
        public let count: UInt64
        let isLarge: Bool

        public var bytes: Range<UInt64> { start..<start + count }
    }

    /// All cuts in order, in units.
    public var units: [Unit] { units(of: cuts.indices) }

    /// The same of some neighbouring cuts.
    func units(of wanted: Range<Int>) -> [Unit] {
        var units: [Unit] = []
        var first = wanted.lowerBound
        while first < wanted.upperBound {
            var (end, bytes) = (first, UInt64(0))
            let isLarge = cuts[first].count >= LocalStore.smallLimit
            if isLarge {
                (end, bytes) = (first + 1, cuts[first].count)
            } else {
                while end < wanted.upperBound, bytes + cuts[end].count <= LocalStore.smallLimit {
                    bytes += cuts[end].count
                    end += 1
                }
            }
            units.append(Unit(cuts: first..<end, start: cuts[first].start, count: bytes, isLarge: isLarge))
            first = end
        }
        return units
    }

    /// The tensor with a byte, or the header; all of a file that has no tensors.
    func tensor(at position: UInt64) -> Range<UInt64> {
        let index = cuts.partitioningIndex { $0.start + $0.count > position }
        guard index < cuts.count, let last = cuts.last, last.tensor != nil else {
            return 0..<(cuts.last.map { $0.start + $0.count } ?? 0)
        }
        return cuts[index].start..<cuts[index].start + cuts[index].count
    }

    /// The header, then the tensors in the order of their bytes.
    static func cuts(of header: Safetensors.Header) -> [Cut] {
        var cuts = [Cut(start: 0, count: header.dataStart, tensor: nil)]
        cuts.reserveCapacity(header.tensors.count + 1)
        for entry in header.tensors {
            let count = entry.range.upperBound - entry.range.lowerBound
            cuts.append(Cut(start: entry.range.lowerBound, count: count, tensor: entry.tensor))
        }
        return cuts
    }

    /// The pieces of a file without tensors: a power of two long, and no more of them than `most`.
    static func even(_ size: UInt64, most: Int = mostCuts) -> [Cut] {
        guard size > 0 else { return [] }
        var pieceSize = pieceSize
        while (size - 1) / pieceSize >= UInt64(most) { pieceSize *= 2 }
        var cuts: [Cut] = []
        var start: UInt64 = 0
        while start < size {
            let count = min(pieceSize, size - start)
            cuts.append(Cut(start: start, count: count, tensor: nil))
            start += count
        }
        return cuts
    }
}
