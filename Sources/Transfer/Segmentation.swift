public import Model
public import Platform

/// How a file is cut into layers: a safetensors file into its header and its tensors, anything else into even pieces.
public struct Segmentation: Sendable {
    public struct Cut: Sendable {
        public let start: UInt64
        public let count: UInt64
        public let tensor: Tensor?
    }

    public let cuts: [Cut]
    /// Why a file called .safetensors was taken as plain bytes.
    public let complaint: CakeError?

    /// Of a file without tensors.
    static let pieceSize: UInt64 = 16 << 20

    /// Reads the header of a file called .safetensors. One that is not valid is an error, or plain bytes when `isLenient`.
    public init(of file: File, path: FilePath, size: UInt64, isLenient: Bool) throws(CakeError) {
        guard path.string.lowercased().hasSuffix(".safetensors") else {
            cuts = Segmentation.even(size)
            complaint = nil
            return
        }
        do {
            let header = try Segmentation.header(of: file, size: size)
            cuts = Segmentation.cuts(of: header)
            complaint = nil
        } catch {
            guard error.kind == .damaged, isLenient else {
                guard error.kind == .damaged else { throw error }
                throw CakeError(
                    .damaged, "\(path): \(error.what)",
                    fix: "\(error.fix.map { $0 + "; " } ?? "")--lenient keeps it as plain bytes")
            }
            cuts = Segmentation.even(size)
            complaint = error.at(path.description)
        }
    }

    /// The header of a safetensors file, read and checked.
    public static func header(of file: File, size: UInt64) throws(CakeError) -> Safetensors.Header {
        let prefix = try file.bytes(at: 0, count: Int(min(size, UInt64(Safetensors.prefixSize))))
        let length = try Safetensors.headerLength(prefix: prefix.span, fileSize: size)
        let json = try file.bytes(at: UInt64(Safetensors.prefixSize), count: length)
        return try Safetensors.Header(parsing: json.span, fileSize: size)
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

    static func even(_ size: UInt64) -> [Cut] {
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
