internal import Model

extension AnswerFuzzTarget {
    /// As the config of images with none to two layers.
    static func readBase(_ input: Span<UInt8>) {
        if let index = try? JSONValue(parsing: input, repeatedKeys: .kept) { _ = try? ImageBase.choice(in: index) }
        for count in 0..<3 {
            let layer = Descriptor(mediaType: ImageShape.layerType, name: BlobName(.empty), size: ByteCount.maximum)
            let config = Descriptor(mediaType: ImageShape.configType, name: BlobName(.empty), size: 2)
            let document: JSONValue = [
                "schemaVersion": 2, "config": .object(config.json),
                "layers": .array([JSONValue](repeating: .object(layer.json), count: count)),
            ]
            let bytes = document.bytes(.compact)
            guard let manifest = try? RegistryManifest(parsing: bytes.span),
                let base = try? ImageBase(manifest, config: input),
                let shaped = try? ImageShape.model([], [], on: base, hash: { _ in .empty })
            else { continue }
            precondition(shaped.below.count == count && shaped.layers.isEmpty)
            guard case .bytes(let text) = shaped.config.plan.pieces.first else { continue }
            let again = try? ImageBase(RegistryManifest(parsing: shaped.manifest.span), config: text.span)
            precondition(again == base, "a base that reads otherwise when written")
        }
    }
}
