public import Model
internal import Platform
public import Store

/// Lets models have names whose signatures are as a person's policy requires.
public struct SignatureGate: Sendable {
    private let policy: SignaturePolicy
    /// Whether a version that a name had before may come again.
    private let allowsOlder: Bool

    /// Without rules.
    public static let open = SignatureGate(SignaturePolicy([]), allowsOlder: false)

    /// The paths of the policy's keys are absolute.
    public init(_ policy: SignaturePolicy, allowsOlder: Bool) {
        (self.policy, self.allowsOlder) = (policy, allowsOlder)
    }

    /// What is asked of a model under this name, from `source`: `hf://org/m`, `oci://host/team/m`.
    public func demands(on name: ModelName, from source: String?) -> [SignaturePolicy.Rule] {
        let bare = source.flatMap { text in text.firstRange(of: "://").map { String(text[$0.upperBound...]) } }
        return policy.demands(on: [name.withoutRevision, bare].compactMap(\.self))
    }

    /// What is asked of a model that is pushed here.
    package func demands(onPushed repository: String) -> [SignaturePolicy.Rule] { policy.demands(on: [repository]) }

    /// For what passes a model on before all of it is here.
    public func refuseUnchecked(_ name: ModelName, from source: String?, _ what: String) throws(CakeError) {
        guard let rule = demands(on: name, from: source).first else { return }
        throw CakeError(
            .notAuthorised, "\(what) \(name), which has to be signed: your settings say \(rule)",
            fix: "cake pull \(name) verifies its signature; then use it from the store")
    }

    /// Whether the signature is there, and fits what is said of the files. Their bytes are not looked at.
    package func foresee(
        _ demands: [SignaturePolicy.Rule], on name: String, _ listed: [SignedComparison.Candidate],
        by signatures: [FoundSignature]
    ) throws(CakeError) {
        for rule in demands {
            try check(rule, name, by: signatures) { statement, signature in
                SignedComparison(of: listed, with: statement, signature: signature.digest)
            }
        }
    }

    /// Verifies a model that is here. `listed` are the files that its source has besides: a person need not take all. Files whose
    /// digests are a publisher's claim are hashed. `shipped` are signatures that the source has, and the store does not.
    public func admit(
        _ name: ModelName, from source: String?, _ digest: Digest, beside listed: [SignedComparison.Candidate] = [],
        shipped: [FoundSignature] = [], in store: LocalStore, progress: Progress
    ) async throws -> Admission {
        let demands = demands(on: name, from: source)
        guard !demands.isEmpty else { return .free }
        let manifest = try store.manifest(digest, anew: true)
        let signatures = try store.foundSignatures(of: manifest, digest) + shipped
        let here = Set(manifest.files.map(\.path))
        let others = listed.filter { !here.contains($0.path) }
        do {
            try await check(demands, name, manifest, digest, here, others, signatures, in: store, progress)
        } catch {
            // Nothing leads to it: a collection may take it at once.
            try? store.retire(digest)
            throw error
        }
        return Admission(verified: digest, refusesOlder: !allowsOlder)
    }

    private func check(
        _ demands: [SignaturePolicy.Rule], _ name: ModelName, _ manifest: Manifest, _ digest: Digest,
        _ here: Set<FilePath>, _ others: [SignedComparison.Candidate], _ signatures: [FoundSignature],
        in store: LocalStore, _ progress: Progress
    ) async throws {
        for rule in demands {
            try check(rule, name.withoutRevision, by: signatures) { statement, signature in
                let all = manifest.files.map { SignedComparison.Candidate($0.path, $0.digest) } + others
                var comparison = SignedComparison(of: all, with: statement, signature: signature.digest)
                comparison.forgetUnsigned { !here.contains($0) }
                return comparison
            }
        }
        _ = try await ModelSigning(in: store, progress: progress).verifyClaimedFiles(of: manifest, digest)
    }

    /// One right signature by one of the rule's keys.
    private func check(
        _ rule: SignaturePolicy.Rule, _ name: String, by signatures: [FoundSignature],
        _ compare: (SignedStatement, FoundSignature) -> SignedComparison
    ) throws(CakeError) {
        var trouble: CakeError?
        for path in rule.keys {
            let signer = try SignatureGate.signer(path)
            for signature in signatures {
                guard let found = SignatureGate.trouble(with: signature, by: signer, compare) else { return }
                trouble = found
            }
        }
        guard let trouble else {
            throw CakeError(
                .notFound, "\(name) is not signed, and your settings say \(rule)",
                fix:
                    "ask its publisher for one; cake config \(SignaturePolicy.prefix)\(Printable.escape(name)) accept takes it "
                    + "without")
        }
        throw CakeError(
            .damaged, "\(name) is not signed as your settings say (\(rule)): \(trouble.what)",
            fix: "do not use it before its publisher says why")
    }

    /// Nil if it is right.
    private static func trouble(
        with signature: FoundSignature, by signer: borrowing TrustedSigner,
        _ compare: (SignedStatement, FoundSignature) -> SignedComparison
    ) -> CakeError? {
        do {
            let comparison = compare(try ModelSigning.statement(of: signature, trusting: signer).0, signature)
            guard !comparison.isRight(ignoringUnsigned: false) else { return nil }
            return CakeError(.damaged, comparison.differences(ignoringUnsigned: false))
        } catch { return error }
    }

    private static func signer(_ path: String) throws(CakeError) -> TrustedSigner {
        do {
            let pem = try Disk.read(path, limit: TrustedSigner.longestFile)
            return try TrustedSigner(pem: pem.span)
        } catch { throw error.at("the key \(Printable.escape(path)) of your policy") }
    }
}
