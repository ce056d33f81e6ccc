internal import Model

/// The sender of a request.
enum Caller {
    case anonymous
    case badToken
    case user(HubSettings.User)

    var isKnown: Bool { if case .user = self { true } else { false } }
    func mayRead(_ repository: String) -> Bool {
        if case .user(let user) = self { user.reads.contains(repository) } else { false }
    }
}

/// The subject of a request to the first origin.
struct Question {
    let asked: Asked
    let caller: Caller
    let acts: [Misbehaviour]
    let isAPI: Bool
}

extension Hub {
    func answer(_ asked: Asked, _ acts: [Misbehaviour]) -> Reply {
        let raw = asked.rawPath.split(separator: "/", omittingEmptySubsequences: false).dropFirst().map(String.init)
        let segments = raw.map { Form.decode($0) }
        let isAPI = segments.first == "api"
        let question = Question(asked: asked, caller: caller(asked), acts: acts, isAPI: isAPI)
        let isResolver =
            segments.contains("resolve") || segments.contains("raw") || segments.dropFirst().first == "resolve-cache"
        let quota = quotas.count(
            isResolver ? "resolvers" : "api", isResolver ? settings.resolverQuota : settings.apiQuota)
        var reply =
            quota.isLeft
            ? isAPI ? api(Array(segments.dropFirst()), question) : file(segments, question)
            : refuse(429, nil, "We had to rate limit you.", question, [("Retry-After", "\(quota.seconds)")])
        reply.headers += quota.headers
        reply["X-Request-Id"] = "Root=1-\(String(quotas.number(), radix: 16))"
        if reply.status != 304 {
            reply["Access-Control-Expose-Headers"] =
                "X-Repo-Commit,X-Request-Id,X-Error-Code,X-Error-Message,X-Total-Count,ETag,Link,Accept-Ranges,Content-Range,"
                + "X-Linked-Size,X-Linked-ETag,X-Xet-Hash"
        }
        return reply
    }

    private func caller(_ asked: Asked) -> Caller {
        guard let header = asked["authorization"] else { return .anonymous }
        guard header.hasPrefix("Bearer "), let user = settings.users[String(header.dropFirst(7))] else {
            return .badToken
        }
        return .user(user)
    }

    func refuse(
        _ status: Int, _ code: String?, _ message: String, _ question: Question,
        _ more: [(name: String, value: String)] = []
    ) -> Reply {
        var headers = more + [("X-Error-Message", message)]
        if let code { headers.append(("X-Error-Code", code)) }
        if status == 401 {
            headers.append(("WWW-Authenticate", "Bearer realm=\"Authentication required\", charset=\"UTF-8\""))
        }
        if question.isAPI { return Reply(status, json: ["error": .string(message)], headers) }
        return Reply(status, text: message, headers)
    }

    func noSuchRepository(_ question: Question) -> Reply {
        guard !question.caller.isKnown else { return refuse(404, "RepoNotFound", "Repository not found", question) }
        return refuse(
            401, settings.namesMissingRepositories ? "RepoNotFound" : nil, "Invalid username or password.", question)
    }

    /// The repository, or why the caller cannot have it.
    func open(_ kind: Repository.Kind, _ name: String, _ question: Question) -> Result<Repository, Refusal> {
        guard let repository = catalog.repository(kind, name) else {
            return .failure(Refusal(noSuchRepository(question)))
        }
        if let target = repository.movedTo {
            let location = question.asked.target.replacing("/\(name)", with: "/\(target)", maxReplacements: 1)
            return .failure(
                Refusal(Reply(307, text: "Temporary Redirect. Redirecting to \(location)", [("Location", location)])))
        }
        if repository.isPrivate, !question.caller.mayRead(name) { return .failure(Refusal(noSuchRepository(question))) }
        if repository.isDisabled {
            return .failure(Refusal(refuse(403, nil, "Access to this resource is disabled.", question)))
        }
        if case .badToken = question.caller, repository.gate == nil {
            return .failure(Refusal(refuse(401, nil, "Invalid credentials in Authorization header", question)))
        }
        return .success(repository)
    }

    /// Why the gate is closed to this caller; nil when it is open.
    func gate(_ repository: Repository, _ question: Question) -> Reply? {
        guard repository.gate != nil, !question.caller.mayRead(repository.name) else { return nil }
        let access = "Access to model \(repository.name) is restricted"
        if question.caller.isKnown {
            return refuse(
                403, "GatedRepo", "\(access) and you are not in the authorized list. Visit the page to ask for access.",
                question)
        }
        return refuse(
            401, "GatedRepo", "\(access). You must have access to it and be authenticated to access it. Please log in.",
            question)
    }

    func noSuchRevision(_ revision: String, _ question: Question) -> Reply {
        refuse(404, "RevisionNotFound", "Invalid rev id: \(revision)", question)
    }
}

/// An answer that ends the work on a question.
struct Refusal: Error {
    let reply: Reply
    init(_ reply: Reply) { self.reply = reply }
}
