internal import Model

/// Files: `resolve`, `raw`, and the cache that `resolve` sends to for small ones.
extension Hub {
    /// `[datasets|spaces/]NAME/resolve|raw/REVISION/PATH`.
    func file(_ segments: [String], _ question: Question) -> Reply {
        let kind = segments.first.flatMap { Repository.Kind(rawValue: $0) }.flatMap { $0 == .models ? nil : $0 }
        let rest = Array(segments.dropFirst(kind == nil ? 0 : 1))
        let verbs = ["resolve", "raw"]
        guard let place = [1, 2].first(where: { rest.count > $0 + 2 && verbs.contains(rest[$0]) }) else {
            return refuse(404, nil, "Not Found", question)
        }
        let name = rest[..<place].joined(separator: "/")
        let path = rest[(place + 2)...].joined(separator: "/")
        return found(kind ?? .models, name, rest[place + 1], path, question) { repository, snapshot, file in
            if rest[place] == "raw" { return raw(file, snapshot, question) }
            return resolve(file, snapshot, repository, question)
        }
    }

    /// `resolve-cache/KIND/NAME/COMMIT/PATH`.
    func cached(_ segments: [String], _ question: Question) -> Reply {
        guard let kind = segments.first.flatMap({ Repository.Kind(rawValue: $0) }) else {
            return refuse(404, nil, "Not Found", question)
        }
        let isCommit = { (text: String) in text.utf8.count == 40 && text.allSatisfy(\.isHexDigit) }
        guard let place = [2, 3].first(where: { segments.count > $0 + 1 && isCommit(segments[$0]) }) else {
            return refuse(404, nil, "Not Found", question)
        }
        let name = segments[1..<place].joined(separator: "/")
        let path = segments[(place + 1)...].joined(separator: "/")
        return found(kind, name, segments[place], path, question) { _, snapshot, file in
            direct(file, snapshot, question)
        }
    }

    /// The gate comes before revision and file; the card stays open.
    private func found(
        _ kind: Repository.Kind, _ name: String, _ revision: String, _ path: String, _ question: Question,
        _ body: (Repository, Snapshot, HubFile) -> Reply
    ) -> Reply {
        guard ["GET", "HEAD"].contains(question.asked.method) else {
            return refuse(405, nil, "Method Not Allowed", question)
        }
        let repository: Repository
        switch open(kind, name, question) {
        case .success(let found): repository = found
        case .failure(let refusal): return refusal.reply
        }
        if path != "README.md", let closed = gate(repository, question) { return closed }
        guard let snapshot = repository.snapshot(revision, catalog.digests) else {
            return noSuchRevision(revision, question)
        }
        guard var file = snapshot.file(path) else {
            return refuse(404, "EntryNotFound", "Entry not found", question, [("X-Repo-Commit", snapshot.commit)])
        }
        if let other = other(question.acts), case .file(let stamp) = Folder.kind(other) {
            let digests = catalog.digests.of(other, stamp, path)
            file = HubFile(path: path, place: other, size: stamp.size, blob: digests.blob, sha256: digests.sha256)
        }
        return body(repository, snapshot, file)
    }

    private func headers(_ file: HubFile, _ snapshot: Snapshot) -> [(name: String, value: String)] {
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        return [
            ("X-Repo-Commit", snapshot.commit), ("Accept-Ranges", "bytes"),
            (
                "Content-Disposition",
                "inline; filename*=UTF-8''\(Form.encode(name)); filename=\"\(Form.encode(name, keeping: " "))\";"
            ),
        ]
    }

    private func resolve(_ file: HubFile, _ snapshot: Snapshot, _ repository: Repository, _ question: Question) -> Reply
    {
        let etag = "\"\(file.etag)\""
        if isCurrent(etag, question) {
            return Reply(304, [("ETag", etag), ("X-Repo-Commit", snapshot.commit)])
        }
        var headers = headers(file, snapshot)
        if let hash = xetHash(file, repository), let server = try? cas() {
            let hub = "http://\(question.asked["host"] ?? "127.0.0.1:\(port(.hub))")"
            let api = "/api/\(repository.kind.rawValue)/\(repository.name)/xet-read-token/\(snapshot.commit)"
            headers += [
                ("X-Xet-Hash", hash.text),
                (
                    "Link",
                    "<\(hub)\(api)>; rel=\"xet-auth\", <\(server)/v1/reconstructions/\(hash)>; rel=\"xet-reconstruction-info\""
                ),
            ]
        }
        if file.sha256 != nil {
            let location = cdn + signed.grant(file, of: repository.name, file.etag)
            headers += [
                ("X-Linked-Size", "\(file.size)"), ("X-Linked-ETag", etag), ("ETag", etag), ("Location", location),
                ("Vary", "Accept"), ("Cache-Control", "no-store"),
            ]
            return Reply(302, text: "Found. Redirecting to \(location)", headers)
        }
        // Behind a gate nothing may be cached for everyone.
        guard repository.gate == nil, !repository.isPrivate else { return direct(file, snapshot, question) }
        let path = Form.encode(file.path, keeping: "/")
        let asked = Form.encode(Form.decode(question.asked.rawPath))
        let location =
            "/api/resolve-cache/\(repository.kind.rawValue)/\(repository.name)/\(snapshot.commit)/\(path)?\(asked)=&etag=\(Form.encode(etag))"
        return Reply(
            307, text: "Temporary Redirect. Redirecting to \(location)",
            headers + [("Location", location)])
    }

    private func direct(_ file: HubFile, _ snapshot: Snapshot, _ question: Question) -> Reply {
        let etag = "\"\(file.etag)\""
        guard let open = OpenFile(file.place) else { return refuse(404, "EntryNotFound", "Entry not found", question) }
        if isCurrent(etag, question) {
            return Reply(304, [("ETag", etag), ("X-Repo-Commit", snapshot.commit)])
        }
        return Reply(
            open, range: question.asked.range(ifStill: etag),
            headers(file, snapshot) + [("ETag", etag), ("Content-Type", "text/plain; charset=utf-8")])
    }

    private func raw(_ file: HubFile, _ snapshot: Snapshot, _ question: Question) -> Reply {
        guard let sha256 = file.sha256 else { return direct(file, snapshot, question) }
        return Reply(
            200,
            headers(file, snapshot) + [("ETag", "\"\(file.blob)\""), ("Content-Type", "text/plain; charset=utf-8")],
            body: [.bytes(Digests.pointer(sha256, file.size))])
    }

    private func isCurrent(_ etag: String, _ question: Question) -> Bool {
        guard let header = question.asked["if-none-match"] else { return false }
        return header.split(separator: ",").contains { part in
            let tag = part.drop { $0 == " " }
            return tag == "*" || tag == etag || tag == "W/" + etag
        }
    }
}
