internal import Model
internal import Platform
internal import Remote
internal import Store

extension PeerModel {
    struct Brought: Sendable {
        var bytesFetched: UInt64 = 0
        var bytesStored: UInt64 = 0
    }

    /// Downloads members of packs, and leaves failed ones to other sources.
    func bring(
        _ members: [PackIndex.Member], into store: LocalStore, _ operation: Operation, _ progress: Progress,
        _ options: Pull.Options
    ) async throws -> Brought {
        var settings = RegistryPull.Options()
        settings.mostConnections = options.mostConnections
        settings.bytesPerSecond = options.bytesPerSecond
        let pull = RegistryPull(of: remote, into: store, progress: progress, options: settings)
        let work = try await work(members, store, operation)
        let expected = work.reduce(UInt64(0)) { $0 + $1.members.reduce(0) { $0 + $1.length } }
        progress.expect(bytes: expected)
        let before = bytes
        do {
            let stored = try await pull.bring(work, operation, took: {}).stored
            return Brought(bytesFetched: bytes - before, bytesStored: stored)
        } catch {
            try Task.checkCancellation()
            let kind = (error as? CakeError)?.kind
            if kind == .diskFull { throw error }
            leave()
            let fetched = bytes - before
            progress.skipped(bytes: expected - min(expected, fetched))
            // An endpoint that cannot be reached will be asked again, when it is there.
            if !isEndpoint || kind != .network { for pack in work { try pack.parts.remove() } }
            return Brought(bytesFetched: fetched, bytesStored: try operation.publish(telling: progress))
        }
    }

    /// Folders of parts are taken in the order of their keys: two pulls never wait for each other. Layers that another
    /// pull stored meanwhile are not downloaded again.
    private func work(
        _ members: [PackIndex.Member], _ store: LocalStore, _ operation: Operation
    ) async throws -> [RegistryPull.PackWork] {
        let packs = Dictionary(grouping: members, by: \.pack).map { number, members in
            (key: key(remote.index.packs[number]), pack: remote.index.packs[number], members: members)
        }
        var taken: [(parts: Parts, pack: PackIndex.Pack, members: [PackIndex.Member])] = []
        for (key, pack, members) in packs.sorted(by: { $0.key < $1.key }) {
            taken.append((try await Parts.take(store, key: key) {}, pack, members))
        }
        let here = try operation.hold(members.map(\.layer))
        var work: [RegistryPull.PackWork] = []
        for (parts, pack, members) in taken {
            let missing = members.filter { !here.contains($0.layer.digest) }
            guard !missing.isEmpty else {
                try parts.remove()
                continue
            }
            work.append(
                RegistryPull.PackWork(
                    pack: pack, members: missing.sorted { $0.offset < $1.offset }, parts: parts,
                    source: PeerPack(pack, of: self)))
        }
        return work
    }

    /// For one server only: another may have sent other bytes under that name.
    private func key(_ pack: PackIndex.Pack) -> Digest {
        let text = Array("layers\n\(origin)\n\(pack.digest.hex)".utf8)
        return SHA256.digest(of: text.span)
    }
}

extension PullWork {
    /// Downloads the layers that are cheaper as objects of a server than as bytes of files. Each replaces its bytes
    /// until the file's hash decides.
    func bringLayers(
        for files: [OpenedFile], _ evidence: inout [Evidence], _ outcome: inout Brought
    ) async throws {
        guard let peer, !peer.isGone else { return }
        let here = try operation.hold(evidence.flatMap(\.layers))
        let wanted = zip(files, evidence).map { file, evidence in
            file.segmentation.cuts.enumerated().map { number, cut in
                let layer = evidence[number].layer
                let isHere = layer.map { here.contains($0.digest) } ?? false
                let isNamed = evidence[number].proof == .published
                return LayerChoice.Cut(layer: isNamed ? layer : nil, bytes: isHere ? 0 : file.missing(of: cut))
            }
        }
        let choice = try LayerChoice(wanted, peer.remote.index) { layer throws(CakeError) in
            try store.contains(layer)
        }
        guard !choice.members.isEmpty else { return }
        let brought = try await peer.bring(choice.members, into: store, operation, progress, options)
        outcome.bytesFetched += brought.bytesFetched
        outcome.bytesAsLayers += brought.bytesFetched
        outcome.bytesStored += brought.bytesStored
        let came = try operation.hold(choice.members.map(\.layer))
        for number in evidence.indices {
            for (cut, claim) in evidence[number].claims.enumerated() {
                guard case .assumed(let layer, .published) = claim, choice.layers.contains(layer.digest),
                    came.contains(layer.digest)
                else { continue }
                evidence[number][cut] = .assumed(layer, .layers)
            }
        }
    }
}

extension OpenedFile {
    /// Of a cut, the bytes that no part has.
    fileprivate func missing(of cut: Segmentation.Cut) -> UInt64 {
        guard case .parts(let parts, _) = bytes else { return 0 }
        return cut.count - parts.runs.length(within: cut.start..<cut.start + cut.count)
    }
}
