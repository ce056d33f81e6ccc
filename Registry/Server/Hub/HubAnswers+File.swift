import Model
import Platform
import Store

/// Files, rebuilt from layers as they are sent.
extension HubAnswers {
    func file(
        _ path: String, in repository: HubRepository, _ revision: String, _ asked: Asked
    ) throws -> ServerReply {
        let (model, file) = try self.file(path, in: repository, revision)
        let (etag, size) = ("\"\(file.content.etag)\"", file.file.size)
        var headers = self.headers(of: file.file, model, revision, etag)
        if case .large = file.content { headers += [("X-Linked-Size", "\(size)"), ("X-Linked-Etag", etag)] }
        if HubAnswers.names(asked.request["if-none-match"], etag) { return ServerReply(304, headers) }
        // What was begun of another content is not gone on with.
        let isSame = asked.request["if-range"].map { $0 == etag } ?? true
        switch ByteRange(header: isSame ? asked.request["range"] : nil, size: size) {
        case .whole: return ServerReply(200, headers, body(0..<size, of: file.file))
        case .part(let range):
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
            return ServerReply(206, headers, body(range, of: file.file))
        case .beyond: return ServerReply(416, headers + [("Content-Range", "bytes */\(size)")])
        }
    }

    /// Of a large file git keeps a few lines that name it.
    func raw(
        _ path: String, in repository: HubRepository, _ revision: String, _ asked: Asked
    ) throws -> ServerReply {
        let (model, file) = try self.file(path, in: repository, revision)
        guard case .large(let digest) = file.content else {
            return try self.file(path, in: repository, revision, asked)
        }
        let pointer = HubContent.pointer(to: digest, size: file.file.size)
        let etag = "\"\(GitHash.digest(of: pointer.span))\""
        return ServerReply(200, headers(of: file.file, model, revision, etag), .bytes(pointer))
    }

    private func file(
        _ path: String, in repository: HubRepository, _ revision: String
    ) throws -> (HubModels.Model, HubModels.File) {
        let model = try models.find(repository, revision)
        guard let file = try models.file(at: path, of: model) else { throw HubAnswers.noFile(model) }
        return (model, file)
    }

    /// Clients remember what a commit does not have. Of one that is the Hub's, only some files may be here.
    static func noFile(_ model: HubModels.Model) -> HubRefusal {
        var refusal = HubRefusal.noFile
        if model.place.isOwnCommit { refusal.commit = model.place.commit }
        return refusal
    }

    private func headers(
        of file: Manifest.File, _ model: HubModels.Model, _ revision: String, _ etag: String
    ) -> [(name: String, value: String)] {
        var headers = [
            (name: "Content-Type", value: "application/octet-stream"), ("ETag", etag), ("Accept-Ranges", "bytes"),
            ("X-Repo-Commit", model.place.commit), ("X-Content-Type-Options", "nosniff"),
            ("Content-Disposition", "attachment; filename*=UTF-8''" + FormText.encode(file.path.lastPart)),
        ]
        // What a commit means stays, and a branch may go on.
        let isFixed = revision == model.place.commit
        headers.append(("Cache-Control", isFixed ? "max-age=31536000, immutable" : "no-cache"))
        return headers
    }

    private func body(_ range: Range<UInt64>, of file: Manifest.File) -> ServerReply.Body {
        guard !range.isEmpty else { return .bytes([]) }
        let bytes = RebuiltBytes(range, of: file, through: models.pieces)
        return .stream(
            ServerStream(count: bytes.count) { room, position in
                bytes.take(into: &room, from: position)
            } wait: { position, then in
                bytes.wait(for: position, then)
            })
    }

    private static func names(_ header: String?, _ etag: String) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }.prefix { $0 != " " }
            return tag == "*" || tag == etag || tag == "W/" + etag
        }
    }
}
