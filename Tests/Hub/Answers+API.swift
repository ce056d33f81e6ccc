internal import Model

/// Requests under `/api`.
extension Hub {
    func api(_ segments: [String], _ question: Question) -> Reply {
        switch segments.first {
        case "whoami-v2": return whoami(question)
        case "resolve-cache": return cached(Array(segments.dropFirst()), question)
        default: break
        }
        guard let kind = segments.first.flatMap({ Repository.Kind(rawValue: $0) }) else {
            return refuse(404, nil, "Sorry, we can't find the page you are looking for.", question)
        }
        let rest = Array(segments.dropFirst())
        if rest.isEmpty { return search(kind, question) }
        let verbs = ["revision", "tree", "paths-info", "refs", "commits", "auth-check", "xet-read-token"]
        let isShort = rest.count == 1 || verbs.contains(rest[1]) && (rest.count == 2 || !verbs.contains(rest[2]))
        let name = rest[..<(isShort ? 1 : 2)].joined(separator: "/")
        let words = Array(rest.dropFirst(isShort ? 1 : 2))
        switch open(kind, name, question) {
        case .failure(let refusal): return refusal.reply
        case .success(let repository): return api(repository, words, question)
        }
    }

    private func api(_ repository: Repository, _ words: [String], _ question: Question) -> Reply {
        guard let verb = words.first else { return info(repository, "main", question) }
        if verb == "refs" { return refs(repository) }
        if verb == "auth-check" { return gate(repository, question) ?? Reply(json: [:]) }
        guard words.count >= 2 else { return refuse(404, nil, "Not Found", question) }
        let revision = words[1]
        switch verb {
        case "revision": return info(repository, revision, question)
        case "tree": return tree(repository, revision, words[2...].joined(separator: "/"), question)
        case "paths-info": return pathsInfo(repository, revision, question)
        case "xet-read-token": return xetToken(repository, revision, question)
        case "commits":
            guard let snapshot = repository.snapshot(revision, catalog.digests) else {
                return noSuchRevision(revision, question)
            }
            return Reply(
                json: [
                    [
                        "id": .string(snapshot.commit), "title": "Upload the model", "message": "",
                        "date": .string(Hub.date), "authors": [["user": "tester"]],
                    ]
                ], [("X-Total-Count", "1")])
        default: return refuse(404, nil, "Not Found", question)
        }
    }

    static let date = "2024-01-01T00:00:00.000Z"

    private func whoami(_ question: Question) -> Reply {
        guard case .user(let user) = question.caller else {
            if case .badToken = question.caller {
                return refuse(401, nil, "Invalid credentials in Authorization header", question)
            }
            return refuse(401, nil, "Invalid username or password.", question)
        }
        return Reply(json: [
            "type": "user", "id": .string(String(Hash.sha1.hex(Array(user.name.utf8)).prefix(24))),
            "name": .string(user.name),
            "fullname": .string(user.name), "isPro": false, "avatarUrl": "/avatars/a.svg", "orgs": [],
            "auth": ["type": "access_token", "accessToken": ["displayName": "test", "role": "read"]],
        ])
    }

    private func refs(_ repository: Repository) -> Reply {
        var kinds: [String: [JSONValue]] = [:]
        for revision in repository.revisions {
            guard let snapshot = repository.snapshot(revision, catalog.digests) else { continue }
            let kind =
                revision.hasPrefix("refs/pr/")
                ? "pullRequests"
                : revision.hasPrefix("refs/convert/") ? "converts" : repository.isBranch(revision) ? "branches" : "tags"
            let full =
                revision.hasPrefix("refs/")
                ? revision : kind == "branches" ? "refs/heads/\(revision)" : "refs/tags/\(revision)"
            let name = revision.hasPrefix("refs/convert/") ? String(revision.dropFirst(13)) : revision
            kinds[kind, default: []].append([
                "name": .string(name), "ref": .string(full), "targetCommit": .string(snapshot.commit),
            ])
        }
        return Reply(json: [
            "branches": .array(kinds["branches"] ?? []), "converts": .array(kinds["converts"] ?? []),
            "tags": .array(kinds["tags"] ?? []), "pullRequests": .array(kinds["pullRequests"] ?? []),
        ])
    }

    private func search(_ kind: Repository.Kind, _ question: Question) -> Reply {
        let asked = question.asked
        let words = asked.asked("search")?.lowercased().split(separator: " ") ?? []
        let found = catalog.all(kind).filter { repository in
            if repository.movedTo != nil || repository.isPrivate && !question.caller.mayRead(repository.name) {
                return false
            }
            if let author = asked.asked("author"), !repository.name.hasPrefix(author + "/") { return false }
            return words.allSatisfy { repository.name.lowercased().contains($0) }
        }
        let first = asked.asked("cursor").flatMap { UInt32($0) }.map { Int($0) } ?? 0
        let limit = max(1, min(asked.asked("limit").flatMap { Int($0) } ?? 1000, 1000))
        let page = found.dropFirst(first).prefix(limit)
        let entries = page.compactMap { repository in
            repository.snapshot("main", catalog.digests).map {
                summary(repository, $0, isFull: asked.isAsked("full"), question)
            }
        }
        let next = first + page.count < found.count ? [link(asked, cursor: "\(first + page.count)")] : []
        return Reply(json: .array(entries), next)
    }

    /// The header that leads to the next page.
    func link(_ asked: Asked, cursor: String) -> (name: String, value: String) {
        var query = asked.query.filter { $0.name != "cursor" }
        query.append(("cursor", cursor))
        let text = query.map { "\(Form.encode($0.name))=\(Form.encode($0.value))" }.joined(separator: "&")
        return ("Link", "<http://\(asked["host"] ?? "127.0.0.1:\(port(.hub))")\(asked.rawPath)?\(text)>; rel=\"next\"")
    }
}
