import Model
import Network
import Platform
internal import Storage
import Store

/// The address of a blob, read, and what each answer to it says.
final class KnownAddress: Sendable {
    let target: RequestTarget
    let route: RegistryRoute
    let name: BlobName
    let repository: RepositoryName
    let headers: [(name: String, value: String)]

    init(_ target: RequestTarget, _ route: RegistryRoute, _ name: BlobName, in repository: RepositoryName) {
        (self.target, self.route, self.name, self.repository) = (target, route, name, repository)
        headers = Answers.headers(of: name)
    }
}

extension Answers {
    /// A range of a blob that was requested lately: one look at each file decides. Nil where more has to be read.
    func again(_ known: KnownAddress, _ request: ServerRequest, _ caller: Caller) -> ServerReply? {
        guard request.method == "GET", let header = request["range"],
            let again = registry.blobAgain(known.name, in: known.repository),
            visibility.gives(again, in: known.repository, to: caller),
            case .part(let range) = ByteRange(header: header, size: again.blob.size)
        else { return nil }
        if let digest = again.blob.digest, !registry.isChecked(again, within: settings.recheck) {
            checker.checkSoon(digest)
        }
        return try? part(range, of: again.blob, known.headers)
    }

    static func headers(of name: BlobName) -> [(name: String, value: String)] {
        [
            (name: "Content-Type", value: "application/octet-stream"), ("Docker-Content-Digest", name.description),
            ("Accept-Ranges", "bytes"), ("ETag", "\"\(name)\""), ("Cache-Control", "max-age=31536000, immutable"),
        ]
    }

    private func part(
        _ range: Range<UInt64>, of blob: RegistryStore.Blob, _ headers: [(name: String, value: String)]
    ) throws -> ServerReply {
        var all = headers
        all.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(blob.size)"))
        return ServerReply(206, all, try body(range, of: blob))
    }

    /// Of another storage it is brought while it is sent.
    private func body(_ range: Range<UInt64>, of blob: RegistryStore.Blob) throws -> ServerReply.Body {
        guard !range.isEmpty, let bytes = blob.distantBytes(range, on: pool) else {
            return .stored(try blob.bytes(range))
        }
        return .stream(ServerStream(bytes))
    }

    func quickBlob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) -> ServerIntake {
        let body = { @Sendable () throws(any Error) in try blob(name, in: repository, asked) }
        return visibility.knows(name, in: repository, for: asked.caller) ? .quick { answer(body) } : patient(body)
    }

    /// Checked first, when it never was and that takes no longer than clients wait.
    func checkedBlob(_ name: BlobName, in repository: RepositoryName, _ asked: Asked) -> ServerIntake {
        if registry.isDistant { return quickBlob(name, in: repository, asked) }
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
        var found = try registry.blob(name, in: repository)
        // A client that pushes could not name one that was not pushed.
        let takesPush = settings.allowsPush && visibility.takesPushes(to: repository, from: asked.caller)
        if found == nil, asked.request.method != "HEAD" || !takesPush {
            found = try registry.shownBlob(name, in: repository)
        }
        guard let blob = found,
            try visibility.gives(name, in: repository, to: asked.caller)
        else {
            if let reply = try viewedBlob(name, in: repository, asked) { return reply }
            if let reply = try signatureBlob(name, in: repository, asked) { return reply }
            throw Answers.noBlob(name)
        }
        return try reply(blob, name, in: repository, asked)
    }

    private func reply(
        _ blob: RegistryStore.Blob, _ name: BlobName, in repository: RepositoryName, _ asked: Asked
    ) throws -> ServerReply {
        let isHead = asked.request.method == "HEAD"
        if isHead, settings.allowsPush, try !registry.keep(name, in: repository) { throw Answers.noBlob(name) }
        let headers = Answers.headers(of: name)
        if !isHead, settings.redirects, let link = try registry.link(to: blob) {
            return ServerReply(307, [("Location", link), ("Docker-Content-Digest", name.description)])
        }
        switch isHead ? .whole : ByteRange(header: asked.request["range"], size: blob.size) {
        case .whole where isHead && registry.isDistant:
            return ServerReply(200, headers, .stream(ServerStream(announcing: 0..<blob.size)))
        case .whole where isHead: return ServerReply(200, headers, .stored(try blob.bytes(0..<blob.size)))
        case .whole: return ServerReply(200, headers, try wholeBody(of: blob, name))
        case .part(let range):
            if let digest = blob.digest, try !registry.isChecked(digest, within: settings.recheck) {
                checker.checkSoon(digest)
            }
            return try part(range, of: blob, headers)
        case .beyond: return Answers.beyond(blob.size)
        }
    }

    static func beyond(_ size: UInt64) -> ServerReply {
        let error = RegistryError(416, .sizeInvalid, "the blob has \(size) bytes, and the range begins after them")
        return ServerReply(error, [("Content-Range", "bytes */\(size)")])
    }

    /// Sent as it is if it was checked recently, else hashed while it is sent. A small one is hashed before the answer
    /// begins.
    private func wholeBody(of blob: RegistryStore.Blob, _ name: BlobName) throws -> ServerReply.Body {
        guard let digest = blob.digest, try !registry.isChecked(digest, within: settings.recheck) else {
            return try body(0..<blob.size, of: blob)
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
