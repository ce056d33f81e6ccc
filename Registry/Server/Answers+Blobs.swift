import Model
import Platform
import Store

extension Answers {
    func blob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply {
        guard let blob = try registry.blob(name, in: repository),
            try visibility.gives(name, in: repository, to: asked.caller)
        else { throw Answers.noBlob(name) }
        let isHead = asked.request.method == "HEAD"
        if isHead, settings.allowsPush { registry.keep(name, in: repository) }
        var headers = [
            (name: "Content-Type", value: "application/octet-stream"), ("Docker-Content-Digest", name.description),
            ("Accept-Ranges", "bytes"), ("ETag", "\"\(name)\""), ("Cache-Control", "max-age=31536000, immutable"),
        ]
        switch isHead ? .whole : ByteRange(header: asked.request["range"], size: blob.size) {
        case .whole:
            return ServerReply(200, headers, try blob.body(0..<blob.size))
        case .part(let range):
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(blob.size)"))
            return ServerReply(206, headers, try blob.body(range))
        case .beyond:
            let error = RegistryError(
                416, .sizeInvalid, "the blob has \(blob.size) bytes, and the range begins behind them")
            return ServerReply(error, [("Content-Range", "bytes */\(blob.size)")])
        }
    }

    func removeBlob(_ name: BlobName, from repository: RepositoryName, _ asked: Asked) throws -> ServerReply {
        guard try visibility.gives(name, in: repository, to: asked.caller), try registry.remove(name, from: repository)
        else { throw Answers.noBlob(name) }
        return ServerReply(202)
    }

    static func noBlob(_ name: BlobName) -> RegistryError {
        RegistryError(404, .blobUnknown, "the repository does not have this blob", detail: name.description)
    }
}
