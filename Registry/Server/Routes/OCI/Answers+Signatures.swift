import Model
import Network
internal import Storage
import Store

/// Signatures that the store has of its models.
extension Answers {
    /// Those of a manifest that the caller may have.
    func shownSignatures(
        of subject: BlobName, in repository: RepositoryName, _ asked: Asked
    ) throws -> [RegistryStore.ShownSignature] {
        try registry.shownSignatures(of: subject, in: repository).filter {
            try visibility.gives($0, in: repository, to: asked.caller)
        }
    }

    func signature(_ name: ManifestName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply? {
        guard case .digest(let digest) = name else { return nil }
        let found = try registry.shownSignatures(in: repository).first { $0.stored.name == digest }
        guard let found, try visibility.gives(found, in: repository, to: asked.caller) else { return nil }
        return reply(found.stored, for: name)
    }

    func signatureBlob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply? {
        let found = try registry.shownSignatures(in: repository).first {
            try $0[name] != nil && visibility.gives($0, in: repository, to: asked.caller)
        }
        guard let bytes = found?[name] else { return nil }
        // A pusher would leave the blob out, and its manifest would name a blob that no repository has.
        if asked.request.method == "HEAD", settings.allowsPush,
            visibility.takesPushes(to: repository, from: asked.caller)
        {
            return nil
        }
        let headers = Answers.headers(of: name)
        switch ByteRange(header: asked.request["range"], size: UInt64(bytes.count)) {
        case .whole: return ServerReply(200, headers, .bytes(bytes))
        case .part(let range):
            let place = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
            return ServerReply(
                206, headers + [("Content-Range", place)],
                .bytes(Array(bytes[Int(range.lowerBound)..<Int(range.upperBound)])))
        case .beyond: return Answers.beyond(UInt64(bytes.count))
        }
    }
}
