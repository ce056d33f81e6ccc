internal import Model
internal import Platform
internal import Store

/// Sends bytes on as they are made, in order and in little memory. A layer's last piece waits until all of it is known to
/// be right: a stream with a wrong byte in it ends short.
struct Streaming {
    let store: LocalStore
    let reader: LayerReader
    let progress: Progress
    /// What a layer is to a person.
    let name: @Sendable (Layer) -> String

    func callAsFunction(_ parts: [Framing.Part], to sink: (Span<UInt8>) throws -> Void) async throws {
        let layers = parts.compactMap { part in if case .layer(let layer) = part, layer.size > 0 { layer } else { nil }
        }
        let pieces = Pieces(of: layers)
        var framing = Framing(parts)
        var hash = SHA256()
        try framing.begin(to: sink)
        try await inOrder(pieces.count, atOnce: 2 * BlockingPool.processors + 2, on: store.pool) { index in
            try Task.checkCancellation()
            do {
                return try pieces.read(index, with: reader, hashedLater: true)
            } catch let error as CakeError where error.kind == .damaged || error.kind == .notFound {
                throw refuse(pieces[index].layer, error.what)
            }
        } take: { index, chunk in
            defer { reader.giveBack(chunk) }
            let (layer, piece) = pieces[index]
            chunk.withBytes { hash.update($0) }
            let isLast = piece == LayerReader.pieces(of: layer) - 1
            if isLast {
                let found = hash.finish()
                hash = SHA256()
                guard found == layer.digest else { throw refuse(layer, "its bytes hash to \(found.short)") }
            }
            try chunk.withBytes { bytes in try framing.take(bytes, to: sink) }
            progress.did(bytes: UInt64(chunk.count))
        }
    }

    private func refuse(_ layer: Layer, _ why: String) -> CakeError {
        CakeError(
            .damaged, "\(name(layer)) cannot be read: \(why); the stream ends short",
            fix: "import or pull the model again: what is missing is brought, the rest stays")
    }
}
