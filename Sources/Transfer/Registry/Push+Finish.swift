internal import Model
internal import Platform
internal import Remote
internal import Store

extension Push {
    /// All packs are there: the index and the manifest are sent, and the tag moves.
    func finish(_ layout: Layout, _ made: [Made], _ earlier: Earlier) async throws -> Report {
        var builder = PackBuilder(layout.plan)
        for one in made { builder.add(one.pack, one.members) }
        let index = try builder.index()
        let bytes = index.encoded
        let text = ManifestText.encode(manifest)
        let config = store.config(of: manifest, called: SHA256.digest(of: text.span))
        let artifact = ModelArtifact(
            config: (SHA256.digest(of: config.span), UInt64(config.count)),
            manifest: (SHA256.digest(of: text.span), UInt64(text.count)),
            index: (SHA256.digest(of: bytes.span), UInt64(bytes.count)), packs: index.packs,
            annotations: options.annotations)
        var sent = made.reduce(UInt64(0)) { $0 + $1.bytesSent }
        for blob in [config, text, bytes] { sent += try await target.send(blob, inPiecesOf: options.chunkSize) }
        let kept = RemoteRepository.Kept(
            bytes: artifact.encoded, name: BlobName(SHA256.digest(of: artifact.encoded.span)),
            mediaType: RegistryManifest.image)
        guard kept.bytes.count <= RegistryManifest.maximumSize else {
            throw CakeError(.failed, "the manifest would have \(kept.bytes.count) bytes, more than registries take")
        }
        let before = try await target.digest(of: .tag(tag))
        let isSame = before == kept.name
        let signatures = try await SentSignatures(store: store, target: target, chunkSize: options.chunkSize)(
            of: kept, SHA256.digest(of: text.span), isThere: isSame)
        if !isSame {
            try Task.checkCancellation()
            try await target.put(kept, as: .tag(tag))
            sent += UInt64(kept.bytes.count)
        }
        return Report(
            digest: kept.name, layers: manifest.layers.count,
            layersSent: made.reduce(0) { $0 + ($1.bytesSent > 0 ? $1.members.count : 0) }, packs: index.packs.count,
            packsSent: made.count { $0.bytesSent > 0 },
            packsMounted: layout.plan.reused.count { earlier.mounted.contains($0.digest) },
            reused: earlier.counts(of: layout.plan.reused), refused: earlier.refusedCounts, bytesSent: sent,
            bytes: manifest.size,
            layersRecoded: made.reduce(0) { $0 + $1.recoded }, isSame: isSame, replaced: isSame ? nil : before,
            signatures: signatures)
    }
}
