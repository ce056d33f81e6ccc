public import Model
internal import Platform

/// The header of a GGUF file in the store. Only the pieces that hold it are read.
public struct GGUFHeader: Sendable {
    /// Nil for a file that is GGUF by its name alone.
    public let header: GGUF.Header?

    /// Tokenizers make headers long; a longer one is none that any program writes.
    private static let longest: UInt64 = 64 << 20
    private static let firstGuess: UInt64 = 1 << 20

    /// Throws when the file's layers cannot be read.
    public init(of file: Manifest.File, in store: LocalStore) throws(CakeError) {
        let reader = LayerReader(store)
        var bytes: [UInt8] = []
        var guess = GGUFHeader.firstGuess
        while true {
            try GGUFHeader.extend(&bytes, to: min(guess, file.size), of: file, from: reader)
            do throws(CakeError) {
                if let found = try GGUF.Header.read(prefix: bytes.span, fileSize: file.size) {
                    header = found
                    return
                }
            } catch {
                header = nil
                return
            }
            guess *= 4
            guard guess <= GGUFHeader.longest else {
                header = nil
                return
            }
        }
    }

    var count: TensorCounts.Count {
        var count = TensorCounts.Count(tensors: 0, parameters: 0)
        for entry in header?.tensors ?? [] {
            count.tensors += 1
            count.parameters = count.parameters.clampedSum(Tensor.elements(of: entry.shape) ?? 0)
        }
        return count
    }

    /// `model-00001-of-00003.gguf` belongs with the other two.
    public static func group(of path: String) -> String {
        let stem = path.dropLast(".gguf".count)
        let parts = stem.split(separator: "-", omittingEmptySubsequences: false)
        guard parts.count > 3, parts[parts.count - 2] == "of", parts[parts.count - 1].allSatisfy(\.isNumber),
            parts[parts.count - 3].allSatisfy(\.isNumber)
        else { return String(stem) }
        return parts.dropLast(3).joined(separator: "-")
    }

    /// Reads on from what is there already.
    private static func extend(
        _ bytes: inout [UInt8], to count: UInt64, of file: Manifest.File, from reader: LayerReader
    ) throws(CakeError) {
        var start: UInt64 = 0
        for segment in file.segments {
            let layer = segment.layer
            defer { start += layer.size }
            while UInt64(bytes.count) < min(count, start + layer.size), UInt64(bytes.count) >= start {
                let position = UInt64(bytes.count) - start
                let chunk = try reader.piece(Int(position / UInt64(LayerReader.pieceSize)), of: layer)
                defer { reader.giveBack(chunk) }
                let first = Int(position % UInt64(LayerReader.pieceSize))
                guard first < chunk.count else {
                    throw CakeError(.damaged, "layer \(layer.digest.short) ends before it should")
                }
                chunk.withBytes { piece in for index in first..<piece.count { bytes.append(piece[index]) } }
            }
        }
    }
}
