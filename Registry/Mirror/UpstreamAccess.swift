internal import Model
internal import Platform

/// Recent answers of the upstream about access, kept for some minutes.
final class UpstreamAccess: Sendable {
    private struct Key: Hashable {
        let token: Digest
        let repository: HubRepository
    }

    private struct Found {
        let refusal: HubRefusal?
        let until: ContinuousClock.Instant
    }

    private let found = BoundedCache<Key, Found>(room: 10_000)

    private static let life = Duration.seconds(300)
    private static let refusedLife = Duration.seconds(20)

    /// The token itself is not kept.
    static func digest(of token: HubToken) -> Digest { SHA256.digest(of: token.bytes.span) }

    func check(_ token: HubToken, _ repository: HubRepository, _ ask: () async throws -> Void) async throws {
        let key = Key(token: UpstreamAccess.digest(of: token), repository: repository)
        if let known = found[key], known.until > .now {
            if let refusal = known.refusal { throw refusal }
            return
        }
        do {
            try await ask()
            found[key] = Found(refusal: nil, until: .now + UpstreamAccess.life)
        } catch let refusal as HubRefusal where !refusal.isPassing {
            found[key] = Found(refusal: refusal, until: .now + UpstreamAccess.refusedLife)
            throw refusal
        }
    }
}
