internal import Model
internal import Platform
internal import Store

/// The readers of files that a store and a registry write beside objects. They skip four bytes, like the decoders of
/// objects, which use them for a choice.
package enum RecordFuzzTarget: String, CaseIterable, Sendable {
    /// An index of a registry, read in place, and the list of a pack.
    case records, held

    package func read(_ input: Span<UInt8>) {
        guard input.count >= 4 else { return }
        let bytes = input.extracting(4..<input.count)
        switch self {
        case .records: RecordFuzzTarget.readRecords(bytes)
        case .held: RecordFuzzTarget.readHeld(bytes)
        }
    }

    private static func readRecords(_ bytes: Span<UInt8>) {
        guard let file = try? IndexFile(.empty, .memory(Chunk(copying: bytes))) else { return }
        file.forEach { record in
            if case .pack(_, let offset) = record.place { _ = Int(offset + record.storedLength) }
            _ = LayerReader.pieces(of: record.layer) + file.records(of: record.layer.digest).count
        }
    }

    private static func readHeld(_ bytes: Span<UInt8>) {
        let text = bytes.indices.map { bytes[$0] }
        guard let pack = try? HeldPack(decoding: text) else { return }
        let parts = pack.parts(of: 0..<pack.size)
        precondition(parts.reduce(0) { $0 + $1.range.length } == pack.size, "a pack of another length")
        _ = pack.objects.reduce(0) { $0 + LayerReader.pieces(of: $1.layer) }
        _ = Int(pack.objects.map { $0.start + $0.length }.max() ?? 0)
    }
}
