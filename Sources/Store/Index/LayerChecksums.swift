package import Model
package import Platform

/// The file of a model's checksums, drawn in docs/layout.md.
enum LayerChecksumFile {
    private static let mark = Array("cakecrc1".utf8)
    private static let length = 4

    static func encode(_ sums: [CRC32]) -> [UInt8] {
        var bytes = mark
        bytes.reserveCapacity(mark.count + sums.count * length + Digest.byteCount)
        for sum in sums { bytes.append(littleEndian: sum.value) }
        return DerivedFile.summed(bytes)
    }

    /// Nil for a torn or damaged file, and for one with another number of layers.
    static func decode(_ bytes: Span<UInt8>, count: Int) -> [CRC32]? {
        guard let body = DerivedFile.body(of: bytes, mark), body.count == count * length else { return nil }
        return (0..<count).map { CRC32(bytes.littleEndian(UInt32.self, at: body.lowerBound + $0 * length)) }
    }
}

extension LocalStore {
    /// The CRC-32 of each layer of a manifest, which zip archives ask for and objects do not have. The first time takes
    /// reading every layer; what was found is kept in the store.
    package func checksums(
        of digest: Digest, _ manifest: Manifest, with reader: LayerReader
    ) async throws -> [Digest: CRC32] {
        let layers = manifest.layers
        let path = layout.checksums(of: digest)
        let limit = 8 + 4 * layers.count + Digest.byteCount
        for place in [self] + lower {
            guard let bytes = try? Disk.read(place.layout.checksums(of: digest), limit: limit),
                let sums = LayerChecksumFile.decode(bytes.span, count: layers.count)
            else { continue }
            return Dictionary(uniqueKeysWithValues: zip(layers.map(\.digest), sums))
        }
        var sums: [Digest: CRC32] = [:]
        try await PieceReader(layers, by: reader).forEach(checking: .pieces) { piece, chunk in
            chunk.withBytes { sums[piece.layer.digest, default: CRC32()].update($0) }
        }
        let all = layers.map { sums[$0.digest] ?? CRC32() }
        if isWritable { try? replaceDerived(path, with: LayerChecksumFile.encode(all)) }
        return Dictionary(uniqueKeysWithValues: zip(layers.map(\.digest), all))
    }
}
