public import Model
internal import Platform

/// Manifests in the store, named by the SHA-256 of their text.
extension LocalStore {
    /// Keeps a manifest. All its layers must have been published before, and its files hashed to what it says of them; where
    /// only its publisher says so, it is a claim, and no proof of what is in a file.
    public func save(
        _ manifest: Manifest, in operation: Operation, isClaim: Bool = false
    ) throws(CakeError) -> Digest {
        let bytes = ManifestText.encode(manifest)
        let digest = SHA256.digest(of: bytes.span)
        try operation.hold(manifest: digest)
        if isClaim, try !Disk.exists(layout.manifest(digest)) {
            try replace(layout.claim(digest), with: [], in: operation)
        } else if !isClaim {
            try Disk.remove(layout.claim(digest))
        }
        if let status = try Disk.status(layout.manifest(digest)), status.size == UInt64(bytes.count),
            (try? self.manifest(digest, anew: true)) != nil
        {
            return digest
        }
        try replace(layout.manifest(digest), with: bytes, in: operation)
        return digest
    }

    /// A manifest, its text checked against its name. One whose file is as it was when it was read is not read again, unless
    /// `anew`.
    public func manifest(_ digest: Digest, anew: Bool = false) throws(CakeError) -> Manifest {
        if anew { manifests.forget(digest) }
        do {
            return try manifests.value(of: digest, in: [layout.manifest(digest)]) { () throws(CakeError) in
                try read(digest)
            }.value
        } catch {
            guard error.kind == .notFound else { throw error }
            for store in lower { if let found = try? store.manifest(digest, anew: anew) { return found } }
            throw CakeError(
                .damaged, "the manifest \(digest.short) is missing from the store",
                fix: "import or pull the model again")
        }
    }

    /// What counting needs of a manifest, its text checked as well: a tenth of the time that all of it takes.
    func outline(of digest: Digest) throws(CakeError) -> ManifestOutline {
        if let bytes = try? Disk.read(layout.manifest(digest), limit: ManifestText.maximumSize),
            SHA256.digest(of: bytes.span) == digest, let outline = ManifestOutline(bytes.span)
        {
            return outline
        }
        return ManifestOutline(of: try manifest(digest))
    }

    private func read(_ digest: Digest) throws(CakeError) -> Manifest {
        let bytes = try Disk.read(layout.manifest(digest), limit: ManifestText.maximumSize)
        let found = SHA256.digest(of: bytes.span)
        guard found == digest else {
            throw CakeError(
                .damaged, "the manifest \(digest.short) is damaged: its bytes hash to \(found.short)",
                fix: "import or pull the model again")
        }
        do {
            return try ManifestText.decode(bytes.span)
        } catch { throw error.at("manifest \(digest.short)") }
    }

    /// Whether a model that was listed a moment ago was removed and collected since.
    public func isGone(_ model: Named) throws(CakeError) -> Bool {
        for store in [self] + lower where try Disk.exists(store.layout.manifest(model.record.manifest)) { return false }
        return try record(of: model.name)?.manifest != model.record.manifest
    }

    /// Of all manifests; most stores have few.
    func claims() throws(CakeError) -> Set<Digest> {
        Set(try Disk.names(in: layout.claims).compactMap { Digest(hex: $0) })
    }

    package func isClaim(_ manifest: Digest) throws(CakeError) -> Bool { try Disk.exists(layout.claim(manifest)) }

    /// The digests of all manifests, named or not.
    public func manifestDigests() throws(CakeError) -> [Digest] {
        try Disk.names(in: layout.manifests).compactMap { Digest(hex: $0) }
    }
}
