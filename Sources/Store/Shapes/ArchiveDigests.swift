public import Model
internal import Platform

/// The file with the digests of a model's tar layers, drawn in docs/layout.md.
enum ArchiveDigestFile {
    private static let mark = Array("caketar1".utf8)
    static let largest = 8 + 2 * Digest.byteCount * 1000 + Digest.byteCount

    static func encode(_ digests: [Digest: Digest]) -> [UInt8] {
        var bytes = mark
        for (plan, digest) in digests.sorted(by: { $0.key < $1.key }) { bytes += plan.bytes + digest.bytes }
        return DerivedFile.summed(bytes)
    }

    /// Nil for a torn or damaged file.
    static func decode(_ bytes: Span<UInt8>) -> [Digest: Digest]? {
        let length = Digest.byteCount
        guard let body = DerivedFile.body(of: bytes, mark), body.count % (2 * length) == 0 else { return nil }
        var found: [Digest: Digest] = [:]
        for at in stride(from: body.lowerBound, to: body.upperBound, by: 2 * length) {
            guard let plan = Digest(bytes: bytes.extracting(at..<at + length)),
                let digest = Digest(bytes: bytes.extracting(at + length..<at + 2 * length))
            else { return nil }
            found[plan] = digest
        }
        return found
    }
}

extension BlobPlan {
    /// Names what the blob is made of: equal for blobs with equal bytes, and known without reading a file.
    var name: Digest {
        var hash = SHA256()
        for piece in pieces {
            var bytes: [UInt8] = []
            switch piece {
            case .bytes(let own):
                bytes.append(0)
                bytes.append(littleEndian: UInt64(own.count))
                bytes += own
            case .file(let file):
                bytes.append(1)
                bytes.append(littleEndian: file.size)
                bytes += file.digest.bytes
            }
            hash.update(bytes.span)
        }
        return hash.finish()
    }
}

extension LocalStore {
    /// The digests of blobs of a model as far as they are known: of files, of bytes, and of archives that were hashed before.
    package func knownDigests(of plans: [BlobPlan], of manifest: Digest) -> [Digest?] {
        var known: [Digest: Digest]?
        return plans.map { plan -> Digest? in
            if let digest = plan.digestAtOnce { return digest }
            let found = known ?? keptArchives(of: manifest)
            known = found
            return found[plan.name]
        }
    }

    /// The digests of blobs of a model. Archives that were never hashed are read once; what was found is kept in the store.
    /// `expect` gets the number of bytes that are read, `did` those that were.
    public func digests(
        of plans: [BlobPlan], of manifest: Digest, by reader: LayerReader,
        expect: (UInt64) -> Void = { _ in }, did: (UInt64) -> Void = { _ in }
    ) async throws -> [Digest] {
        var digests = knownDigests(of: plans, of: manifest)
        var missing = plans.indices.filter { digests[$0] == nil }
        guard !missing.isEmpty else { return digests.compactMap(\.self) }
        var kept = keptArchives(of: manifest)
        // A model with the same weights has the same archives.
        let others = archivesOfOthers()
        for index in missing { digests[index] = others[plans[index].name] }
        for index in missing { if let digest = digests[index] { kept[plans[index].name] = digest } }
        missing = missing.filter { digests[$0] == nil }
        expect(missing.reduce(0) { $0.clampedSum(plans[$1].size) })
        for index in missing {
            let digest = try await hash(plans[index], by: reader, did)
            digests[index] = digest
            kept[plans[index].name] = digest
            keep(kept, of: manifest)
        }
        keep(kept, of: manifest)
        return digests.compactMap(\.self)
    }

    /// Each file is compared with its digest: all who pull would trust the digest of damaged bytes.
    private func hash(_ plan: BlobPlan, by reader: LayerReader, _ did: (UInt64) -> Void) async throws -> Digest {
        var whole = SHA256()
        for part in plan.parts(of: 0..<plan.size) {
            switch part {
            case .bytes(let bytes):
                whole.update(bytes.span)
                did(UInt64(bytes.count))
            case .file(let file, let run):
                var own = SHA256()
                try await PieceReader(file.segments.lazy.map(\.layer), by: reader).read(run) { chunk, range in
                    chunk.withBytes { SHA256.update(&whole, &own, $0.extracting(range)) }
                    did(UInt64(range.count))
                }
                let found = own.finish()
                guard found == file.digest else {
                    throw CakeError(
                        .damaged, "\(file.path) is damaged: it hashes to \(found.short), and not \(file.digest.short)",
                        fix: "cake verify --repair fetches damaged layers again")
                }
            }
        }
        return whole.finish()
    }

    private func keep(_ archives: [Digest: Digest], of manifest: Digest) {
        guard isWritable, ArchiveDigestFile.encode(archives).count <= ArchiveDigestFile.largest else { return }
        // It is derived: nothing fails for it.
        try? replaceDerived(layout.imageLayers(of: manifest), with: ArchiveDigestFile.encode(archives))
    }

    private func keptArchives(of manifest: Digest) -> [Digest: Digest] {
        ([self] + lower).reduce(into: [:]) { found, place in
            found.merge(LocalStore.archives(in: place.layout.imageLayers(of: manifest))) { own, _ in own }
        }
    }

    private func archivesOfOthers() -> [Digest: Digest] {
        ([self] + lower).reduce(into: [:]) { found, place in
            for name in (try? Disk.names(in: place.layout.imageLayers)) ?? [] {
                guard let manifest = Digest(hex: name) else { continue }
                found.merge(LocalStore.archives(in: place.layout.imageLayers(of: manifest))) { own, _ in own }
            }
        }
    }

    private static func archives(in path: String) -> [Digest: Digest] {
        guard let bytes = try? Disk.read(path, limit: ArchiveDigestFile.largest) else { return [:] }
        return ArchiveDigestFile.decode(bytes.span) ?? [:]
    }
}

extension BlobPlan {
    /// Known without reading a file.
    fileprivate var digestAtOnce: Digest? {
        if let knownDigest { return knownDigest }
        var bytes: [UInt8] = []
        for piece in pieces {
            guard case .bytes(let own) = piece else { return nil }
            bytes += own
        }
        return SHA256.digest(of: bytes.span)
    }
}
