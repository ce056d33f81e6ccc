internal import Model
internal import Platform
internal import Remote
internal import Store

extension RegistryVerify {
    /// Decodes downloaded members, in order.
    final class Reading {
        private let remote: RemoteArtifact
        private let store: LocalStore
        private let progress: Progress
        private var report = Report()
        private var checked: Set<Digest> = []
        private var damaged: [Digest: String] = [:]
        /// The file that is being put together, and its bytes so far; nil when a layer of it is damaged.
        private var file: (number: Int, hash: RunningHash?)?
        private var hashed: Set<Int> = []

        init(_ remote: RemoteArtifact, _ store: LocalStore, _ progress: Progress) {
            self.remote = remote
            self.store = store
            self.progress = progress
        }

        func read(_ step: Step, _ brought: Brought) throws {
            for item in step.items {
                try Task.checkCancellation()
                if let number = item.file, file?.number != number {
                    close()
                    file = (number, RunningHash())
                }
                do throws(CakeError) {
                    try read(item, brought)
                } catch {
                    guard error.isOfWhatIsThere else { throw error }
                    damaged[item.member.layer.digest] = error.what
                    if item.file != nil { file?.hash = nil }
                }
                if checked.insert(item.member.layer.digest).inserted { progress.finished() }
            }
        }

        private func open(_ member: PackIndex.Member, _ brought: Brought) throws(CakeError) -> DistantObject {
            if let problem = brought.problems[member.pack] { throw problem }
            guard let pack = brought.packs[member.pack] else {
                throw CakeError(.notFound, "its pack did not arrive")
            }
            return try pack.whole(member, of: store)
        }

        private func read(_ item: Item, _ brought: Brought) throws(CakeError) {
            let object = try open(item.member, brought)
            let other = item.member.base.flatMap { remote.index[$0] }
            let base = try other.map { member throws(CakeError) in try open(member, brought) }
            // A base that no file has is looked at here, and nowhere else.
            let checksBase = other.map { !checked.contains($0.layer.digest) } ?? false
            let (own, beside) = (RunningHash(), RunningHash())
            let whole = item.file == nil ? nil : file?.hash
            for index in 0..<object.pieces {
                func look(_ chunk: Chunk?) throws(CakeError) {
                    try object.withPiece(index, beside: chunk) { plain throws(CakeError) in
                        plain.withBytes { bytes in
                            own.update(bytes)
                            whole?.update(bytes)
                        }
                    }
                }
                guard let base else {
                    try look(nil)
                    continue
                }
                try base.withPiece(index, beside: nil) { plain throws(CakeError) in
                    if checksBase { plain.withBytes { beside.update($0) } }
                    try look(plain)
                }
            }
            if let other, checksBase, checked.insert(other.layer.digest).inserted {
                if beside.finish() != other.layer.digest {
                    damaged[other.layer.digest] = "the bytes there are not that layer"
                }
                progress.finished()
            }
            let found = own.finish()
            guard found == item.member.layer.digest else {
                throw CakeError(.damaged, "the bytes there hash to \(found.short)")
            }
        }

        private func close() {
            guard let (number, hash) = file else { return }
            hashed.insert(number)
            if let digest = hash?.finish(), digest != remote.model.files[number].digest {
                report.wrongFiles.append(remote.model.files[number].path)
            }
            file = nil
        }

        func finish(fetched: UInt64) -> Report {
            close()
            // Files of no bytes have no layers.
            for (number, file) in remote.model.files.enumerated() where !hashed.contains(number) {
                if file.digest != RunningHash().finish() { report.wrongFiles.append(file.path) }
            }
            var files: [Digest: [FilePath]] = [:]
            for file in remote.model.files {
                for layer in Set(file.segments.map(\.layer.digest)) {
                    var needed = [layer]
                    if let base = remote.index[layer]?.base { needed.append(base) }
                    for digest in needed where damaged[digest] != nil { files[digest, default: []].append(file.path) }
                }
            }
            for (digest, why) in damaged.sorted(by: { $0.key < $1.key }) {
                guard let layer = remote.index[digest]?.layer else { continue }
                report.damages.append(Damage(layer: layer, why: why, files: files[digest] ?? []))
            }
            report.files = remote.model.files.count
            report.layers = remote.index.members.count
            report.bytesFetched = fetched
            return report
        }
    }
}

/// A digest of bytes that pass through several hands.
final class RunningHash {
    private var hash = SHA256()

    func update(_ bytes: Span<UInt8>) { hash.update(bytes) }

    func finish() -> Digest {
        var done = SHA256()
        swap(&done, &hash)
        return done.finish()
    }
}
