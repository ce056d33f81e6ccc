import Model
import Network
import Platform
internal import Storage
import Store

extension Answers {
    func quickBlob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) -> ServerIntake {
        let body = { @Sendable () throws(any Error) in try blob(name, in: repository, asked) }
        return visibility.knows(name, in: repository, for: asked.caller) ? .quick { answer(body) } : patient(body)
    }

    /// Checked first, when it never was and that takes no longer than clients wait.
    func checkedBlob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) -> ServerIntake {
        let digest = (try? registry.blob(name, in: repository))??.digest
        guard let digest, (try? registry.isChecked(digest, within: nil)) == false else {
            return quickBlob(name, in: repository, asked)
        }
        return patient { () throws(any Error) in
            guard try visibility.gives(name, in: repository, to: asked.caller) else { throw Answers.noBlob(name) }
            await checker.check(digest, within: settings.checkPatience)
            guard let blob = try registry.blob(name, in: repository) else { throw Answers.noBlob(name) }
            return try reply(blob, name, in: repository, asked)
        }
    }

    func blob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) throws -> ServerReply {
        guard let blob = try registry.blob(name, in: repository),
            try visibility.gives(name, in: repository, to: asked.caller)
        else { throw Answers.noBlob(name) }
        return try reply(blob, name, in: repository, asked)
    }

    private func reply(
        _ blob: RegistryStore.Blob, _ name: BlobName, in repository: RepositoryName, _ asked: Asked
    ) throws -> ServerReply {
        let isHead = asked.request.method == "HEAD"
        if isHead, settings.allowsPush { registry.keep(name, in: repository) }
        var headers = [
            (name: "Content-Type", value: "application/octet-stream"), ("Docker-Content-Digest", name.description),
            ("Accept-Ranges", "bytes"), ("ETag", "\"\(name)\""), ("Cache-Control", "max-age=31536000, immutable"),
        ]
        switch isHead ? .whole : ByteRange(header: asked.request["range"], size: blob.size) {
        case .whole where isHead: return ServerReply(200, headers, .stored(try blob.bytes(0..<blob.size)))
        case .whole: return ServerReply(200, headers, try wholeBody(of: blob, name))
        case .part(let range):
            if let digest = blob.digest, try !registry.isChecked(digest, within: settings.recheck) {
                checker.checkSoon(digest)
            }
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(blob.size)"))
            return ServerReply(206, headers, .stored(try blob.bytes(range)))
        case .beyond:
            let error = RegistryError(
                416, .sizeInvalid, "the blob has \(blob.size) bytes, and the range begins after them")
            return ServerReply(error, [("Content-Range", "bytes */\(blob.size)")])
        }
    }

    /// Sent as it is when it was checked lately, else hashed on the way. A small one is hashed before it is promised.
    private func wholeBody(of blob: RegistryStore.Blob, _ name: BlobName) throws -> ServerReply.Body {
        guard let digest = blob.digest, try !registry.isChecked(digest, within: settings.recheck) else {
            return .stored(try blob.bytes(0..<blob.size))
        }
        if blob.size <= HeldTail.length {
            guard case .right = try registry.check(digest) else {
                checker.checkSoon(digest)
                throw Answers.noBlob(name)
            }
            return .stored(try blob.bytes(0..<blob.size))
        }
        let files = try registry.filesToCheck(of: digest)
        let bytes = try blob.provedBytes { [registry, checker] isRight in
            if isRight { registry.wasRight(digest, files) } else { checker.checkSoon(digest) }
        }
        return .stored(bytes)
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
