internal import Model
internal import Platform
internal import Store

/// Each file is hashed from front to back while its bytes arrive, over downloaded bytes and layers that are here: in
/// part by the tasks that make its layers.
extension PullWork {
    /// The result for a file.
    enum Finding: Sendable {
        case hashed(Hashes)
        /// A layer that should replace some of it cannot be read.
        case unreadable
    }

    struct Hashes: Sendable {
        let sha256: Digest
        let git: GitDigest?

        /// A hash that a listing hides may be given with the file's address. A file without a published hash, which no
        /// Hub has, is accepted by its size alone.
        func isAsPublished(_ listed: SnapshotFile, announced: Digest?) -> Bool {
            if let published = listed.sha256 ?? (listed.gitDigest == nil ? announced : nil) {
                return published == sha256
            }
            if let published = listed.gitDigest { return published == git }
            return true
        }
    }

    struct Running: ~Copyable {
        var sha256 = SHA256()
        var git: GitHash?

        init(_ listed: SnapshotFile) { git = listed.gitDigest == nil ? nil : GitHash(size: listed.size) }

        mutating func update(_ bytes: Span<UInt8>) {
            sha256.update(bytes)
            git?.update(bytes)
        }

        consuming func finish() -> Hashes {
            let git = git.take()?.finish()
            return Hashes(sha256: sha256.finish(), git: git)
        }
    }

    /// A few files at once: first those that are complete, because they wait for nothing.
    /// `ended` is called for each.
    func hash(
        _ files: [PullFile], _ hashes: FileHashes, _ checkpoint: Checkpoint, ended: @escaping @Sendable (Int) -> Void
    ) async throws -> [Finding] {
        let order = files.filter { $0.missing == 0 } + files.filter { $0.missing > 0 }
        var findings: [Int: Finding] = [:]
        try await inOrder(order.count, atOnce: BlockingPool.processors, on: store.pool) { place in
            let finding = try await hash(order[place], hashes)
            if case .hashed(let found) = finding {
                let file = order[place]
                checkpoint.note(found, of: file.number)
                if found.isAsPublished(file.listed, announced: file.announced) { file.wanted.reading?.hears(.right) }
            }
            ended(order[place].number)
            progress.finished()
            return finding
        } take: { place, finding in
            findings[order[place].number] = finding
        }
        return files.compactMap { findings[$0.number] }
    }

    private func hash(_ file: PullFile, _ hashes: FileHashes) async throws -> Finding {
        var running = Running(file.listed)
        while true {
            let work = try await hashes.work(of: file.number)
            running.sha256 = hashes.take(file.number)
            let end: UInt64
            switch work {
            case .bytes(let bytes):
                try store.forEachChunk(of: file.fetching.plain(bytes)) { running.update($0) }
                end = bytes.upperBound
            case .stored(let units):
                let units = file.units[units]
                do {
                    try await follow(units.compactMap(\.layer), &running)
                } catch is PieceReader.Unreadable {
                    return .unreadable
                }
                end = units.last?.run.bytes.upperBound ?? 0
            case .nothing:
                return .hashed(running.finish())
            }
            var sha256 = SHA256()
            swap(&sha256, &running.sha256)
            hashes.giveBack(sha256, of: file.number, at: end)
        }
    }

    func follow(_ layers: [Layer], _ running: inout Running) async throws {
        try await PieceReader(layers, by: LayerReader(store)).forEach(checking: .pieces) { _, chunk in
            chunk.withBytes { running.update($0) }
            progress.had(bytes: UInt64(chunk.count))
        }
    }

    /// Which of the layers that replaced a file's bytes are damaged. They are set aside, and all of them count as not
    /// here from now on.
    func damage(under file: PullFile) throws -> Set<Digest> {
        let reader = LayerReader(store)
        var damages: [Damage] = []
        for layer in Set(file.units.compactMap(\.layer)) {
            if let damage = try store.check(layer, with: reader, progress: { _ in }) { damages.append(damage) }
        }
        try store.setAside(damages.filter { $0.kind == .wrong }.map(\.layer))
        return Set(damages.map(\.layer.digest))
    }
}
