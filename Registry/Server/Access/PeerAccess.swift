internal import Mirror
import Model
import Network

/// Another server of the ring is known by the secret, and by nothing else. It may have all files of the upstream's models: it
/// has asked the upstream about its own client. A client's token is no secret of the ring, and the secret is no token.
extension Visibility {
    static func check(_ request: ServerRequest, isFrom peers: Peers) throws(RegistryError) {
        guard let header = request["authorization"], let secret = Authorization.secret(in: header),
            peers.settings.secret.isSame(as: secret)
        else { throw RegistryError(401, .unauthorized, "this needs the secret of the ring") }
    }
}
