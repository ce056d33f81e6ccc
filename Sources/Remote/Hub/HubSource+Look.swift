public import Model
internal import Network

/// Requests to a Hub that are not for files.
extension HubSource {
    /// The account of the token. Requested once.
    public func identity() async throws -> HubIdentity {
        var way = Redirects(from: routes.whoAmI)
        func unreached(_ error: CakeError, _ fix: String? = nil) -> CakeError {
            CakeError(
                .network, "\(way.url.origin): \(error.what)", fix: fix ?? "check the network and HF_ENDPOINT"
            )
        }
        let (head, body): (HTTPHead, [UInt8])
        do {
            let exchange = try await client.follow(HTTPRequest(.get), &way, by: .token(token?.header))
            (head, body) = (exchange.head, try await exchange.body(limit: 1 << 20))
        } catch let failure as TransientFailure {
            throw unreached(failure.error)
        } catch let error as CakeError where error.kind == .network {
            throw unreached(error, error.fix)
        }
        guard head.status == 200 else {
            let answer = HubAnswer(
                status: head.status, code: head["x-error-code"], message: head["x-error-message"], body: body.span)
            throw answer.error(to: question(nil, nil))
        }
        return try HubIdentity(parsing: body.span)
    }

    public func revisions(of repository: HubRepository) async throws -> HubRevisions {
        let answer = try await document(
            at: routes.revisions(of: repository), question(repository, nil), limit: HubRevisions.maximumSize)
        return try HubRevisions(parsing: answer.body.span)
    }

    /// Throws unless the token may read it.
    package func admits(to repository: HubRepository) async throws {
        _ = try await document(
            at: routes.admission(to: repository), question(repository, nil), limit: HubInfo.maximumSize)
    }

    /// An answer of the API about a repository, as it was said.
    package func document(at url: WebURL, of repository: HubRepository) async throws -> JSONValue {
        let limit = HubRevisions.maximumSize
        let body = try await document(at: url, question(repository, nil), limit: limit).body
        return try JSONValue(parsing: body.span, limit: limit)
    }

    /// Best first, as the Hub sees it.
    public func search(_ words: String, limit: Int) async throws -> [HubInfo] {
        let limit = min(max(limit, 1), HubInfo.maximumResults)
        let answer = try await document(
            at: routes.search(words, limit: limit), question(nil, nil), limit: HubInfo.maximumSize)
        return Array(try HubInfo.results(parsing: answer.body.span).prefix(limit))
    }
}
