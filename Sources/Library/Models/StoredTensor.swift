internal import Model
internal import Store

/// A tensor of an open model, and where its bytes are.
struct StoredTensor {
    let name: ExactText
    /// As its format spells it.
    let dtype: String
    let shape: [UInt64]
    /// The number of its file.
    let file: Int
    /// In its file.
    let bytes: Range<UInt64>
    /// Nil if its bytes are not a layer of their own.
    let layer: Layer?

    var printable: String { "\"\(name.printable)\"" }

    /// The tensors of a file in the order of their bytes.
    static func all(
        of file: Manifest.File, _ number: Int, _ extents: Extents, in store: LocalStore
    ) throws(CakeError) -> [StoredTensor] {
        if TensorCounts.isCounted(file) {
            return (try GGUFHeader(of: file, in: store).header?.tensors ?? []).map { entry in
                StoredTensor(
                    name: entry.name, dtype: entry.encoding?.name ?? "type \(entry.typeID)", shape: entry.shape,
                    file: number, bytes: entry.range, layer: nil)
            }
        }
        return zip(file.segments, extents).compactMap { segment, bytes in
            segment.tensor.map { tensor in
                StoredTensor(
                    name: tensor.name, dtype: tensor.dtype.rawValue, shape: tensor.shape, file: number, bytes: bytes,
                    layer: segment.layer)
            }
        }
    }
}
