internal import Model
internal import Platform
internal import Store

/// Sends bytes as they are made, in order and with little memory. A layer's last piece waits until the whole layer is
/// checked: a stream with a wrong byte ends early.
struct Streaming {
    let store: LocalStore
    let reader: LayerReader
    let progress: Progress
    /// The name of a layer for a person.
    let name: @Sendable (Layer) -> String

    func callAsFunction(_ parts: [Framing.Element], to sink: (Span<UInt8>) throws -> Void) async throws {
        let layers = parts.compactMap { part in if case .layer(let layer) = part, layer.size > 0 { layer } else { nil }
        }
        var framing = Framing(parts)
        try framing.begin(to: sink)
        do {
            try await PieceReader(layers, by: reader).forEach(checking: .layers) { _, chunk in
                try chunk.withBytes { bytes in try framing.take(bytes, to: sink) }
                progress.did(bytes: UInt64(chunk.count))
            }
        } catch let unreadable as PieceReader.Unreadable {
            throw refuse(unreadable.layer, unreadable.error.what)
        }
    }

    private func refuse(_ layer: Layer, _ why: String) -> CakeError {
        CakeError(
            .damaged, "\(name(layer)) cannot be read: \(why); the stream ends early",
            fix: "import or pull the model again: only missing layers are stored")
    }
}
