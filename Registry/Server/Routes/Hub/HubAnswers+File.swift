internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Transfer

/// Files, rebuilt from layers or still arriving, while they are sent.
extension HubAnswers {
    func file(
        _ path: String, in repository: HubRepository, _ revision: String, _ asked: Asked
    ) async throws -> ServerReply {
        let (view, file) = try await self.file(path, in: repository, revision, asked)
        let content = try content(of: file, in: view)
        let (etag, size) = ("\"\(content.etag)\"", file.size)
        var headers = self.headers(of: file.path, view, revision, etag)
        if case .large = content { headers += [("X-Linked-Size", "\(size)"), ("X-Linked-Etag", etag)] }
        if HubAnswers.names(asked.request["if-none-match"], etag) { return ServerReply(304, headers) }
        switch ByteRange(header: range(of: file, in: view, etag, asked), size: size) {
        case .whole: return ServerReply(200, headers, try await body(0..<size, of: file, in: view, asked))
        case .part(let range):
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(size)"))
            return ServerReply(206, headers, try await body(range, of: file, in: view, asked))
        case .beyond: return ServerReply(416, headers + [("Content-Range", "bytes */\(size)")])
        }
    }

    /// A client must not continue a download of other content, nor one that was wrong.
    private func range(of file: HubView.File, in view: HubView, _ etag: String, _ asked: Asked) -> String? {
        guard let header = asked.request["range"], asked.request["if-range"].map({ $0 == etag }) ?? true else {
            return nil
        }
        if case .listed(let listed) = file.source, case .listed(let listing) = view.source,
            mirror?.isDoubted(listed, of: listing) == true, header.utf8.last == UInt8(ascii: "-"), header != "bytes=0-"
        {
            return nil
        }
        return header
    }

    /// Of a large file git keeps a few lines that name it.
    func raw(
        _ path: String, in repository: HubRepository, _ revision: String, _ asked: Asked
    ) async throws -> ServerReply {
        let (view, file) = try await self.file(path, in: repository, revision, asked)
        guard case .large(let digest) = try content(of: file, in: view) else {
            return try await self.file(path, in: repository, revision, asked)
        }
        let pointer = HubContent.pointer(to: digest, size: file.size)
        let etag = "\"\(GitHash.digest(of: pointer.span))\""
        return ServerReply(200, headers(of: file.path, view, revision, etag), .bytes(pointer))
    }

    private func file(
        _ path: String, in repository: HubRepository, _ revision: String, _ asked: Asked
    ) async throws -> (HubView, HubView.File) {
        let view = try await view(of: repository, revision, asked)
        guard let file = view.file(at: path) else { throw view.noFile }
        return (view, file)
    }

    private func headers(
        of path: FilePath, _ view: HubView, _ revision: String, _ etag: String
    ) -> [(name: String, value: String)] {
        var headers = [
            (name: "Content-Type", value: "application/octet-stream"), ("ETag", etag), ("Accept-Ranges", "bytes"),
            ("X-Repo-Commit", view.commit), ("X-Content-Type-Options", "nosniff"),
            ("Content-Disposition", "attachment; filename*=UTF-8''" + FormText.encode(path.lastPart)),
        ]
        // The content of a commit never changes, a branch may move. Caches must not keep closed models.
        let isFixed = revision == view.commit && !view.isClosed
        headers.append(("Cache-Control", isFixed ? "max-age=31536000, immutable" : "no-cache"))
        return headers
    }

    private func body(
        _ range: Range<UInt64>, of file: HubView.File, in view: HubView, _ asked: Asked
    ) async throws -> ServerReply.Body {
        guard !range.isEmpty else { return .bytes([]) }
        // A HEAD only says how long the body would be: nothing is downloaded for it.
        guard asked.request.method != "HEAD" else { return .stream(ServerStream(announcing: range)) }
        switch (file.source, view.source) {
        case (.stored(let file), .stored(let model, _)):
            return .stream(ServerStream(try models.bytes(range, of: file, in: model), heardBy: mirror?.sending))
        case (.listed(let file), .listed(let listing)):
            guard let mirror else { throw HubRefusal.failed }
            switch try mirror.file(file, of: listing, for: asked.asker) {
            case .here(let file, let model):
                let bytes = try models.bytes(range, of: file, in: model)
                return .stream(ServerStream(bytes, heardBy: mirror.sending))
            case .arriving(let file):
                let counts = mirror.counts
                // A client that requests a piece by both its ends joins the file itself, and cannot be cut off in time.
                let isPiece = range.count < file.size && asked.request["range"]?.utf8.last != UInt8(ascii: "-")
                let bytes = ArrivingBytes(range, of: file, from: models, holdingBack: !isPiece) {
                    counts.unchecked.add($0)
                }
                try await bytes.begin(within: mirror.settings.patience)
                return .stream(ServerStream(bytes, heardBy: mirror.sending))
            }
        default: throw HubRefusal.failed
        }
    }

    private static func names(_ header: String?, _ etag: String) -> Bool {
        guard let header else { return false }
        return header.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }.prefix { $0 != " " }
            return tag == "*" || tag == etag || tag == "W/" + etag
        }
    }
}
