public import Model

/// What can be asked of a Hub besides files.
extension HubSource {
    public func revisions(of repository: HubRepository) async throws -> HubRevisions {
        let answer = try await document(
            at: routes.revisions(of: repository), question(repository, nil), limit: HubRevisions.maximumSize)
        return try HubRevisions(parsing: answer.body.span)
    }

    /// Best first, as the Hub sees it.
    public func search(_ words: String, limit: Int) async throws -> [HubInfo] {
        let limit = min(max(limit, 1), HubInfo.maximumResults)
        let answer = try await document(
            at: routes.search(words, limit: limit), question(nil, nil), limit: HubInfo.maximumSize)
        return Array(try HubInfo.results(parsing: answer.body.span).prefix(limit))
    }
}
