public import Model

/// What can be asked of a Hub besides files.
extension HubSource {
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
