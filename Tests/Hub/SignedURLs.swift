internal import Glibc
internal import Synchronization

/// URLs of the second origin, each with a signature of its own and an end.
final class SignedURLs: Sendable {
    struct Grant {
        /// `/org/name/file`.
        let path: String
        let file: HubFile
        let target: String
        let expires: Int
        var isExpired = false
    }

    private struct State {
        var grants: [String: Grant] = [:]
        var count = 0
    }

    private let state = Mutex(State())
    private let seconds: Int
    private let secret = "\(UInt64.random(in: 0 ... .max))"

    init(seconds: Int) { self.seconds = seconds }

    /// Path and query.
    func grant(_ file: HubFile, of repository: String, _ etag: String) -> String {
        let expires = time(nil) + seconds
        let id = String(Hash.sha1.hex(Array(repository.utf8)).prefix(24))
        let name = file.path.split(separator: "/").last.map(String.init) ?? file.path
        let shown = Form.encode("inline; filename*=UTF-8''\(Form.encode(name)); filename=\"\(name)\";")
        return state.withLock { state in
            state.count += 1
            let plain =
                "/xet-bridge-us/\(id)/\(etag)?X-Expires=\(seconds)&response-content-disposition=\(shown)&Expires=\(expires)"
            let signature = Hash.sha256.hex(Array("\(secret) \(state.count) \(plain)".utf8))
            let target =
                plain + "&Policy=\(String(signature.prefix(16)))&Signature=\(signature)&Key-Pair-Id=K2FPYV99P2N66Q"
            state.grants[signature] = Grant(
                path: "/\(repository)/\(file.path)", file: file, target: target, expires: expires)
            return target
        }
    }

    func path(of asked: Asked) -> String? { grant(of: asked)?.path }

    /// What the URL was made for, if it is one of these to the letter.
    func grant(of asked: Asked) -> Grant? {
        guard let signature = asked.asked("Signature"), let grant = state.withLock({ $0.grants[signature] }) else {
            return nil
        }
        return grant.target == asked.target ? grant : nil
    }

    func isValid(_ grant: Grant) -> Bool { !grant.isExpired && time(nil) < grant.expires }

    func expire() { state.withLock { state in for key in state.grants.keys { state.grants[key]?.isExpired = true } } }
}

extension Hub {
    func cdnAnswer(_ asked: Asked, _ acts: [Misbehaviour]) -> Reply {
        let xml = [("Content-Type", "application/xml")] as [(name: String, value: String)]
        func refusal(_ status: Int, _ code: String) -> Reply {
            Reply(status, xml, body: [.bytes(Array("<?xml version=\"1.0\"?><Error><Code>\(code)</Code></Error>".utf8))])
        }
        // As storage does that finds a signature in the query and another one beside it.
        if asked["authorization"] != nil { return refusal(400, "InvalidArgument") }
        guard asked.method == "GET" || asked.method == "HEAD" else { return refusal(405, "MethodNotAllowed") }
        guard let grant = signed.grant(of: asked), signed.isValid(grant) else { return refusal(403, "AccessDenied") }
        guard let file = OpenFile(other(acts) ?? grant.file.place) else { return refusal(404, "NoSuchKey") }
        let etag = "\"\(grant.file.etag)\""
        return Reply(
            file, range: asked.range(ifStill: etag),
            [("Content-Type", "application/octet-stream"), ("ETag", etag), ("X-Cache", "Miss from cloudfront")])
    }

    /// The file to serve instead of the one asked for.
    func other(_ acts: [Misbehaviour]) -> String? {
        acts.lazy.compactMap { if case .serve(let path) = $0 { path } else { nil } }.last
    }
}

extension Asked {
    /// What `Range` asks for, unless `If-Range` says something else is wanted then.
    func range(ifStill etag: String) -> String? {
        if let condition = self["if-range"], condition != etag { return nil }
        return self["range"]
    }
}
