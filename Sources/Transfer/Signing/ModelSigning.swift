public import Model
public import Platform
public import Store

/// Makes and verifies signatures of models in the store. The digests of files are in manifests: no model data is read, unless
/// these digests are a publisher's claim.
public struct ModelSigning: Sendable {
    private let store: LocalStore
    private let progress: Progress

    public init(in store: LocalStore, progress: Progress) {
        self.store = store
        self.progress = progress
    }

    public struct Signed: Sendable {
        public let key: Digest
        /// How many files it covers, and their bytes.
        public let files: Int
        public let bytes: UInt64
        /// Files of the model that it does not cover.
        public let leftOut: [FilePath]
        public let wereHashed: Bool
    }

    /// Signs a model, and keeps the signature beside its manifest.
    public func sign(_ model: LocalStore.Named, with key: borrowing SigningKey) async throws -> Signed {
        let digest = model.record.manifest
        let operation = try Operation(store)
        try operation.hold(manifest: digest)
        let manifest = try store.manifest(digest, anew: true)
        let wereHashed = try await verifyClaimedFiles(of: manifest, digest)
        let name = model.name.withoutRevision.split(separator: "/").last.map(String.init) ?? model.name.string
        let statement = try SignedStatement(of: manifest.files, name: name) { SHA256.digest(of: $0.span) }
        let payload = statement.encoded
        let text = SignatureBundle.signedBytes(of: payload)
        let signature = try key.sign(text.span)
        let hint = key.verifyingKey.digest
        let bundle = SignatureBundle(payload: payload, signature: signature, hint: hint.hex).encoded
        guard bundle.count <= SignatureBundle.maximumSize else {
            throw CakeError(
                .failed,
                "\(model.name) has too many files: its signature would have "
                    + "\(Quantities.bytes(UInt64(bundle.count))), and the limit is "
                    + Quantities.bytes(UInt64(SignatureBundle.maximumSize)))
        }
        try store.keep(bundle, of: digest, by: hint, in: operation)
        let covered = Set(statement.files.map(\.path))
        return Signed(
            key: hint, files: covered.count,
            bytes: manifest.files.reduce(0) { $0 + (covered.contains($1.path) ? $1.size : 0) },
            leftOut: manifest.files.map(\.path).filter { !covered.contains($0) }, wereHashed: wereHashed)
    }

    public struct Verified: Sendable {
        public let comparison: SignedComparison
        public let wereHashed: Bool
    }

    /// Compares a model's files with those that the signature lists. Throws when it is not the key's.
    public func verify(
        _ model: LocalStore.Named, by signature: FoundSignature, with key: borrowing VerifyingKey,
        ignoringUnsigned: Bool
    ) async throws -> Verified {
        let digest = model.record.manifest
        // Where nothing can be written, the model is read without.
        let operation = try? Operation(store)
        try? operation?.hold(manifest: digest)
        defer { withExtendedLifetime(operation) {} }
        let manifest = try store.manifest(digest, anew: true)
        let statement: SignedStatement
        do throws(CakeError) {
            statement = try ModelSigning.statement(of: signature, with: key)
        } catch { throw error.at(signature.description) }
        let comparison = SignedComparison(of: manifest.files, with: statement, signature: signature.digest)
        guard comparison.isRight(ignoringUnsigned: ignoringUnsigned) else {
            return Verified(comparison: comparison, wereHashed: false)
        }
        return Verified(
            comparison: comparison, wereHashed: try await verifyClaimedFiles(of: manifest, digest))
    }

    /// What the key signed. Nothing in the text is looked at before.
    static func statement(
        of found: FoundSignature, with key: borrowing VerifyingKey
    ) throws(CakeError) -> SignedStatement {
        let bundle = try SignatureBundle(parsing: found.bytes.span)
        if let hint = bundle.hint, hint != key.digest.hex {
            throw CakeError(
                .damaged,
                "it was made with another key: it names \(FoundSignature.short(hint)), and yours is \(key.digest.short)",
                fix: "use the public key of who signed it: --key FILE")
        }
        guard key.isSignature(bundle.signature.span, of: bundle.signedBytes.span) else {
            throw CakeError(
                .damaged, "the key did not make this signature, or the signed text was changed",
                fix: "do not use the model before its publisher says why; get the signature or the key again")
        }
        let statement = try SignedStatement(parsing: bundle.payload.span)
        let root = SHA256.digest(of: statement.joinedDigests.span)
        guard root == statement.root else {
            throw CakeError(
                .damaged, "its list of files hashes to \(root.short), and it says \(statement.root.short)",
                fix: "ask its signer to sign the model again")
        }
        return statement
    }

    /// False where they were verified when they came.
    private func verifyClaimedFiles(of manifest: Manifest, _ digest: Digest) async throws -> Bool {
        try await store.verifyClaimedFiles(of: manifest, digest) { [progress] bytes, files in
            progress.expect(bytes: bytes, items: files)
        } did: { [progress] bytes in
            progress.did(bytes: bytes)
        } finished: { [progress] in
            progress.finished()
        }
    }
}
