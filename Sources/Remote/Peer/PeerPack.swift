package import Model

/// A pack on a server that need not be waited for, because other servers have the same bytes.
package final class PeerPack: RangeSource {
    private let blob: RemoteBlob
    private let peer: PeerModel

    package init(_ pack: PackIndex.Pack, of peer: PeerModel) {
        blob = RemoteBlob(pack, in: peer.remote.repository)
        self.peer = peer
    }

    package var label: String { blob.label }
    package var comesWhole: Bool { false }

    package func open(_ range: Range<UInt64>) async throws -> OpenedRun {
        let (mirrors, number) = (peer.mirrors, peer.number)
        guard peer.isEndpoint || !mirrors.rests(number) else {
            throw CakeError(.failed, "\(peer.place) failed, and is not used for now")
        }
        do {
            let run = try await blob.open(range)
            guard !blob.comesWhole else { throw CakeError(.failed, "\(peer.place) sends only whole packs") }
            return OpenedRun(run, watchedBy: Mirrors.Watch(mirrors, number, of: range.count, among: [number]))
        } catch let failure as TransientFailure where !peer.isEndpoint {
            mirrors.leave(number)
            throw failure.error
        }
    }
}
