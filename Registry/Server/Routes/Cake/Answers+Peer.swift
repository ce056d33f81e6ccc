internal import Mirror
import Model
import Network
import Platform
internal import Storage
import Store
import Transfer

/// Requests of other servers of the ring: which server this is, and files of the upstream.
extension Answers {
    /// Nil where the address is another, or this server has no ring.
    func peer(_ request: ServerRequest) throws(RegistryError) -> ServerIntake? {
        guard let mirror = hub.mirror, let peers = mirror.peers, let route = try PeerRoute(request.address) else {
            return nil
        }
        try Visibility.check(request, isFrom: peers)
        guard request.method == "GET" || request.method == "HEAD" else {
            throw RegistryError(405, .unsupported, "peers only read")
        }
        switch route {
        case .server: return .quick { ServerReply(["server": .string(peers.own)]) }
        case .file(let repository, let commit, let path):
            return .patient {
                do {
                    if let text = RequestTarget(request.address)?[PeerRoute.position] {
                        let position = ByteRange.number(text.utf8) ?? 0
                        let waits = mirror.waits(for: position, at: path, of: repository, commit: commit)
                        let sends = mirror.sending.was(within: peers.settings.patience)
                        return ServerReply([PeerRoute.position: .bool(waits), PeerRoute.sends: .bool(sends)])
                    }
                    return try await peerFile(path, of: repository, commit, request, mirror)
                } catch {
                    // Whatever the reason: the peer asks the upstream itself.
                    return ServerReply(failure: Answers.notForPeers)
                }
            }
        }
    }

    private static let notForPeers = RegistryError(404, .nameUnknown, "this server cannot give that file to a peer")

    private func peerFile(
        _ path: FilePath, of repository: HubRepository, _ commit: String, _ request: ServerRequest, _ mirror: Mirror
    ) async throws -> ServerReply {
        let file = try await mirror.file(at: path, of: repository, commit: commit)
        var headers = [(name: "Content-Type", value: "application/octet-stream"), ("Accept-Ranges", "bytes")]
        if let content = file.content { headers.append(("ETag", "\"\(content.etag)\"")) }
        let (status, range): (Int, Range<UInt64>)
        switch ByteRange(header: request["range"], size: file.size) {
        case .whole: (status, range) = (200, 0..<file.size)
        case .part(let part): (status, range) = (206, part)
        case .beyond: return ServerReply(416, headers + [("Content-Range", "bytes */\(file.size)")])
        }
        if status == 206 {
            headers.append(("Content-Range", "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(file.size)"))
        }
        guard request.method != "HEAD" else {
            return ServerReply(status, headers, .stream(ServerStream(announcing: range)))
        }
        switch try mirror.found(file, at: path, of: repository, commit: commit) {
        case .here(let file, let model):
            let bytes = try hub.models.bytes(range, of: file, in: model)
            return ServerReply(status, headers, .stream(ServerStream(bytes, heardBy: mirror.sending)))
        case .arriving(let arriving):
            // The head goes at once: the peer then knows that this server is there, and waits for the upstream. A piece
            // is checked by the peer.
            let bytes = ArrivingBytes(range, of: arriving, from: hub.models, holdingBack: range.count == file.size)
            return ServerReply(status, headers, .stream(ServerStream(bytes, heardBy: mirror.sending)))
        }
    }
}
