internal import Glibc
internal import Model
internal import Synchronization

/// Tokens for the Xet server, each for one repository.
final class XetTokens: Sendable {
    struct Token {
        let kind: Repository.Kind
        let repository: String
        var expires: Int
    }

    private let tokens = Mutex<[String: Token]>([:])
    private let seconds: Int
    let secret = "\(UInt64.random(in: 0 ... .max))"

    init(seconds: Int) { self.seconds = seconds }

    func make(for repository: Repository) -> (text: String, expires: Int) {
        tokens.withLock { tokens in
            let text = "xet_" + Hash.sha256.hex(Array("\(secret) \(tokens.count)".utf8))
            let expires = time(nil) + seconds
            tokens[text] = Token(kind: repository.kind, repository: repository.name, expires: expires)
            return (text, expires)
        }
    }

    func token(in header: String?) -> Token? {
        guard let header, header.hasPrefix("Bearer ") else { return nil }
        return tokens.withLock { $0[String(header.dropFirst(7))] }.flatMap { $0.expires > time(nil) ? $0 : nil }
    }

    func expire() { tokens.withLock { tokens in for key in tokens.keys { tokens[key]?.expires = 0 } } }
}

/// The third origin: a Xet server's statements about files, and bytes of xorbs.
extension Hub {
    /// The repositories that share chunks with a repository; nil if Xet does not store its files.
    func xetGroup(_ repository: Repository) -> String? {
        switch repository.xet {
        case .some(.string("apart")): repository.name
        case .some(.bool(let isKept)): isKept ? "" : nil
        default: settings.xet ? "" : nil
        }
    }

    func xetHash(_ file: HubFile, _ repository: Repository) -> XetHash? {
        guard file.sha256 != nil, let group = xetGroup(repository) else { return nil }
        return xorbs.hash(of: file, in: repository.name, group: group)
    }

    func xetToken(_ repository: Repository, _ revision: String, _ question: Question) -> Reply {
        if let closed = gate(repository, question) { return closed }
        guard let snapshot = repository.snapshot(revision, catalog.digests) else {
            return noSuchRevision(revision, question)
        }
        guard xetGroup(repository) != nil, let server = try? cas() else {
            return refuse(404, nil, "Not Found", question)
        }
        for file in snapshot.files { _ = xetHash(file, repository) }
        let token = xetTokens.make(for: repository)
        return Reply(
            json: ["accessToken": .string(token.text), "exp": JSONValue(token.expires), "casUrl": .string(server)],
            [
                ("X-Xet-Access-Token", token.text), ("X-Xet-Token-Expiration", "\(token.expires)"),
                ("X-Xet-Cas-Url", server),
            ])
    }

    func casAnswer(_ asked: Asked, _ acts: [Misbehaviour]) -> Reply {
        let words = asked.rawPath.split(separator: "/").map(String.init)
        guard asked.method == "GET", words.count == 3 else { return Reply(404, text: "Not Found") }
        if words[0] == "xorbs" { return xorbBytes(words[2], asked) }
        guard words[1] == "reconstructions", words[0] == "v1" || words[0] == "v2" else {
            return Reply(404, text: "Not Found")
        }
        guard let token = xetTokens.token(in: asked["authorization"]) else { return Reply(401, text: "Unauthorized") }
        guard let repository = catalog.repository(token.kind, token.repository), let group = xetGroup(repository),
            let hash = XetHash(text: words[2]),
            var file = xorbs.file(hash, in: repository.name, group: group)
        else { return Reply(404, text: "Not Found") }
        if let other = other(acts), let found = xorbs.file(at: other) { file = found }
        switch AskedRange(asked["range"], length: file.size) {
        case .all: return reconstruction(file, 0..<file.size, isNewer: words[0] == "v2", acts)
        case .part(let range): return reconstruction(file, range, isNewer: words[0] == "v2", acts)
        case .outside: return Reply(416, text: "Range Not Satisfiable", [("Content-Range", "bytes */\(file.size)")])
        }
    }

    /// The terms over a range, cut down to the chunks that it touches.
    private func reconstruction(
        _ file: Xorbs.File, _ range: Range<UInt64>, isNewer: Bool, _ acts: [Misbehaviour]
    ) -> Reply {
        var terms: [JSONValue] = []
        var addresses: [(hash: String, chunks: Range<Int>, bytes: Range<UInt64>)] = []
        var skipped: UInt64?
        var offset: UInt64 = 0
        let surplus = acts.reduce(UInt64(0)) { if case .claimMore(let bytes) = $1 { bytes } else { $0 } }
        for term in file.terms {
            let xorb = xorbs.xorb(term.xorb)
            var found: (chunks: Range<Int>, size: UInt64)?
            for chunk in term.chunks {
                let size = UInt64(xorb.pieces[chunk].size)
                if offset < range.upperBound, offset + size > range.lowerBound {
                    skipped = skipped ?? range.lowerBound - offset
                    found = ((found?.chunks.lowerBound ?? chunk)..<chunk + 1, (found?.size ?? 0) + size)
                }
                offset += size
            }
            guard let found else { continue }
            terms.append([
                "hash": .string(xorb.hash.text), "unpacked_length": JSONValue(found.size + surplus),
                "range": ["start": JSONValue(found.chunks.lowerBound), "end": JSONValue(found.chunks.upperBound)],
            ])
            let isThere = addresses.contains { $0.hash == xorb.hash.text && $0.chunks == found.chunks }
            if !isThere { addresses.append((xorb.hash.text, found.chunks, xorb.bytes(of: found.chunks))) }
        }
        return Reply(json: [
            "offset_into_first_range": JSONValue(skipped ?? 0), "terms": .array(terms),
            (isNewer ? "xorbs" : "fetch_info"): fetching(addresses, isNewer: isNewer),
        ])
    }

    private func fetching(
        _ addresses: [(hash: String, chunks: Range<Int>, bytes: Range<UInt64>)], isNewer: Bool
    ) -> JSONValue {
        var object = JSONObject()
        for hash in addresses.map(\.hash).reduce(into: [String](), { if !$0.contains($1) { $0.append($1) } }) {
            let entries = addresses.filter { $0.hash == hash }.map { address -> JSONValue in
                let range = "bytes=\(address.bytes.lowerBound)-\(address.bytes.upperBound - 1)"
                let url: JSONValue = .string(
                    "\((try? cas()) ?? "")/xorbs/default/\(hash)?X-Xet-Signed-Range=\(Form.encode(range))"
                        + "&Signature=\(signature(hash, range))")
                let chunks: JSONValue = [
                    "start": JSONValue(address.chunks.lowerBound), "end": JSONValue(address.chunks.upperBound),
                ]
                let bytes: JSONValue = [
                    "start": JSONValue(address.bytes.lowerBound), "end": JSONValue(address.bytes.upperBound - 1),
                ]
                return isNewer
                    ? ["url": url, "ranges": [["chunks": chunks, "bytes": bytes]]]
                    : ["range": chunks, "url": url, "url_range": bytes]
            }
            object.append(hash, .array(entries))
        }
        return .object(object)
    }

    private func signature(_ hash: String, _ range: String) -> String {
        Hash.sha256.hex(Array("\(xetTokens.secret) \(hash) \(range)".utf8))
    }

    /// Chunks as they lie in a xorb, for exactly the range that the address was made for.
    private func xorbBytes(_ hash: String, _ asked: Asked) -> Reply {
        guard let range = asked["range"], range == asked.asked("X-Xet-Signed-Range"),
            asked.asked("Signature") == signature(hash, range)
        else { return Reply(403, text: "Forbidden") }
        guard let xorb = xorbs.xorb(named: hash) else { return Reply(404, text: "Not Found") }
        let length = xorb.bytes(of: 0..<xorb.pieces.count).upperBound
        guard case .part(let wanted) = AskedRange(range, length: length) else { return Reply(416) }
        var body: [Reply.Piece] = []
        var start: UInt64 = 0
        for piece in xorb.pieces {
            let end = start + 8 + UInt64(piece.size)
            if start >= wanted.lowerBound, end <= wanted.upperBound, let file = OpenFile(piece.place) {
                body += [.bytes(piece.header), .file(file, piece.offset..<piece.offset + UInt64(piece.size))]
            }
            start = end
        }
        return Reply(
            206,
            [
                ("Content-Range", "bytes \(wanted.lowerBound)-\(wanted.upperBound - 1)/\(length)"),
                ("Content-Type", "application/octet-stream"),
            ], body: body)
    }
}
