public import Model
internal import Platform

/// The secret that the servers of a ring share.
public struct PeerSecret: Sendable {
    public static let shortest = 16

    let token: HubToken
    private let digest: Digest

    public init(_ text: String) throws(CakeError) {
        do {
            token = try HubToken(text)
        } catch {
            throw CakeError(.usage, error.what, fix: PeerSecret.advice)
        }
        guard token.bytes.count >= PeerSecret.shortest else {
            throw CakeError(
                .usage, "the secret has \(token.bytes.count) characters, and needs at least \(PeerSecret.shortest)",
                fix: PeerSecret.advice)
        }
        digest = SHA256.digest(of: token.bytes.span)
    }

    private static let advice = "make one with: openssl rand -hex 32"

    /// Takes as long for every wrong secret.
    public func isSame(as sent: String) -> Bool {
        digest.isSame(as: SHA256.digest(of: Array(sent.utf8).span))
    }
}
