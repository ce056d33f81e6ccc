internal import Model
internal import Platform
internal import Remote
internal import Store

/// Sends signatures that were made here to where the model goes.
struct SentSignatures {
    let store: LocalStore
    let target: RemoteRepository
    let chunkSize: UInt64?

    /// Before the tag moves: a registry may require them of a tag. Without signatures nothing is sent. Returns how many are there.
    func callAsFunction(of kept: RemoteRepository.Kept, _ manifest: Digest, isThere: Bool) async throws -> Int {
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
            for blob in [config, bundle] { _ = try await target.send(blob, inPiecesOf: chunkSize) }
            try await target.put(
                referrer: RemoteRepository.Kept(bytes: bytes, name: name, mediaType: RegistryManifest.image),
                to: kept.name)
        }
        return signatures.count
    }
}

extension RemoteRepository {
    /// Sends a small blob unless it is there. The bytes that were sent.
    func send(_ bytes: [UInt8], inPiecesOf chunkSize: UInt64?) async throws -> UInt64 {
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
        return try await copyBlob(body, inPiecesOf: chunkSize) == .sent ? size : 0
    }
}
