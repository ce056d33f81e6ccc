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
        for blob in [config, text, bytes] { sent += try await send(blob) }
        let kept = RemoteRepository.Kept(
            bytes: artifact.encoded, name: BlobName(SHA256.digest(of: artifact.encoded.span)),
            mediaType: RegistryManifest.image)
        guard kept.bytes.count <= RegistryManifest.maximumSize else {
            throw CakeError(.failed, "the manifest would have \(kept.bytes.count) bytes, more than registries take")
        }
        let before = try await target.digest(of: .tag(tag))
        let isSame = before == kept.name
        let signatures = try await sendSignatures(of: kept, SHA256.digest(of: text.span), isThere: isSame)
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

    /// Signatures that were made here, before the tag moves: a registry may require them of a tag. Returns how many are there.
    private func sendSignatures(
        of kept: RemoteRepository.Kept, _ manifest: Digest, isThere: Bool
    ) async throws -> Int {
        let signatures = try store.signatures(of: manifest)
        guard !signatures.isEmpty else { return 0 }
        if !isThere { try await target.put(kept, as: .digest(kept.name)) }
        let subject = Descriptor(mediaType: kept.mediaType, name: kept.name, size: UInt64(kept.bytes.count))
        let there = Set(try await target.signatureManifests(of: kept.name))
        let config = SignatureArtifact.config
        let empty = BlobName(SHA256.digest(of: config.span))
        for signature in signatures {
            let bundle = try store.bytes(of: signature)
            let bytes = SignatureArtifact.encode(
                bundle: SignatureArtifact.bundle(BlobName(SHA256.digest(of: bundle.span)), size: bundle.count),
                config: empty, subject: subject)
            let name = BlobName(SHA256.digest(of: bytes.span))
            guard !there.contains(name) else { continue }
            for blob in [config, bundle] { _ = try await send(blob) }
            try await target.put(
                referrer: RemoteRepository.Kept(bytes: bytes, name: name, mediaType: RegistryManifest.image),
                to: kept.name)
        }
        return signatures.count
    }

    /// The bytes that were sent: 0 if it is there.
    private func send(_ bytes: [UInt8]) async throws -> UInt64 {
        let size = UInt64(bytes.count)
        let body = UploadBody(name: BlobName(SHA256.digest(of: bytes.span)), size: size) { range, sender in
            var position = Int(range.lowerBound)
            while position < Int(range.upperBound) {
                let chunk = sender.take()
                let count = min(chunk.capacity, Int(range.upperBound) - position)
                chunk.append(bytes.span.extracting(position..<position + count))
                try await sender.send(chunk)
                position += count
            }
        }
        return try await target.copyBlob(body, inPiecesOf: options.chunkSize) == .sent ? size : 0
    }
}
