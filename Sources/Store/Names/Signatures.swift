public import Model
internal import Platform

/// Signatures that were made here, one file for each manifest and key. A name that moves to another manifest leaves them behind,
/// and finds them again when it moves back.
extension LocalStore {
    public struct KeptSignature: Hashable, Sendable {
        /// SHA-256 of the public key's PEM text.
        public let key: Digest
        /// Seconds since 1970.
        public let time: Int
        let path: String
    }

    /// Whether there is any here or below.
    public var hasSignatures: Bool {
        get throws(CakeError) {
            for store in [self] + lower where try Disk.exists(store.layout.signatures) {
                if try !Disk.names(in: store.layout.signatures).isEmpty { return true }
            }
            return false
        }
    }

    /// In the order in which they were made.
    public func signatures(of manifest: Digest) throws(CakeError) -> [KeptSignature] {
        var found: [Digest: KeptSignature] = [:]
        for store in [self] + lower {
            for path in try store.layout.signatures(of: [manifest])[manifest] ?? [] {
                guard let key = Digest(hex: String(path.suffix(2 * Digest.byteCount))), found[key] == nil,
                    let status = try Disk.status(path)
                else { continue }
                found[key] = KeptSignature(key: key, time: status.modified, path: path)
            }
        }
        return found.values.sorted { ($0.time, $0.key) < ($1.time, $1.key) }
    }

    public func bytes(of signature: KeptSignature) throws(CakeError) -> [UInt8] {
        try Disk.read(signature.path, limit: SignatureBundle.maximumSize)
    }

    /// Keeps a signature, in place of another by the same key. The operation must hold the manifest.
    public func keep(
        _ signature: [UInt8], of manifest: Digest, by key: Digest, in operation: Operation
    ) throws(CakeError) {
        try replace(layout.signature(of: manifest, by: key), with: signature, in: operation)
    }

    /// Whether the digests of the manifest's files are its publisher's claim, and were not verified here.
    public func areFilesClaimed(in manifest: Digest) throws(CakeError) -> Bool {
        for store in [self] + lower where try Disk.exists(store.layout.manifest(manifest)) {
            return try store.isClaim(manifest)
        }
        return false
    }

    /// The files were hashed, and are what the manifest says.
    public func filesWereVerified(in manifest: Digest) throws(CakeError) {
        guard isWritable, try isClaim(manifest) else { return }
        try Disk.remove(layout.claim(manifest))
        try Disk.syncFolder(layout.claims)
    }

    /// Signatures of manifests that are gone: an older cake removed these. A name may lead to a manifest below.
    func removeStraySignatures(of signatures: [Digest: [String]], named: Set<Digest>) throws(CakeError) {
        for (manifest, paths) in signatures where !named.contains(manifest) {
            guard try !Disk.exists(layout.manifest(manifest)) else { continue }
            for path in paths { try Disk.remove(path) }
        }
    }
}

extension Layout {
    var signatures: String { root + "/signatures" }

    func signature(of manifest: Digest, by key: Digest) -> String { "\(signatures)/\(manifest.hex).\(key.hex)" }

    /// The files, by what they sign; of all manifests, or of some. A store that no cake with signatures wrote to has no folder.
    func signatures(of wanted: Set<Digest>? = nil) throws(CakeError) -> [Digest: [String]] {
        guard try Disk.exists(signatures) else { return [:] }
        var found: [Digest: [String]] = [:]
        for name in try Disk.names(in: signatures) {
            let parts = name.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count == 2, let manifest = Digest(hex: String(parts[0])), Digest(hex: String(parts[1])) != nil,
                wanted?.contains(manifest) ?? true
            else { continue }
            found[manifest, default: []].append(signatures + "/" + name)
        }
        return found
    }
}
