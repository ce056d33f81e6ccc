import Model
import Platform
import Store
import Transfer

/// Signatures of models: who made them, and whether the files are those that were signed.
struct SignatureCheck: Sendable {
    enum TrustedFile: Sendable {
        case key(String)
        case certificates(String)

        var path: String {
            switch self {
            case .key(let path), .certificates(let path): path
            }
        }
    }

    /// A bundle that was named. Else the model's own, or one that was made here.
    let file: String?
    let trusted: TrustedFile?
    let ignoresUnsigned: Bool

    private static let signature = Option.text(
        "signature", "FILE", completing: .path, "check the model's signature, or the one in FILE"
    ).withOptionalValue
    private static let key = Option.text(
        "key", "FILE", completing: .path, "the public key of the signer, PEM; else that of cake config signature-key")
    private static let certificate = Option.text(
        "certificate", "FILE", completing: .path, "certificates that may certify signers, PEM, instead of a key")
    private static let ignoreUnsigned = Flag(
        "ignore-unsigned-files", "accept files that the signature does not list")

    static let forms = [signature.form, key.form, certificate.form, ignoreUnsigned.form]

    /// Nil where no signature is to be checked.
    init?(_ arguments: Arguments, names: [String], others: [String]) throws(CakeError) {
        file = try arguments.value(of: Self.signature)
        let key = try arguments.value(of: Self.key)
        let certificate = try arguments.value(of: Self.certificate)
        trusted = key.map { .key($0) } ?? certificate.map { .certificates($0) }
        ignoresUnsigned = arguments.has(Self.ignoreUnsigned)
        guard arguments.has(Self.signature) else {
            guard trusted == nil, !ignoresUnsigned else {
                let word = key != nil ? "--key" : certificate != nil ? "--certificate" : "--ignore-unsigned-files"
                throw CakeError(.usage, "\(word) is for signatures", fix: "add --signature")
            }
            return nil
        }
        guard key == nil || certificate == nil else {
            throw CakeError(.usage, "--key and --certificate cannot be used together", fix: "leave one of them out")
        }
        if let other = others.first {
            throw CakeError(.usage, "--signature and \(other) cannot be used together", fix: "run cake verify twice")
        }
        guard let first = names.first else {
            throw CakeError(
                .usage, "--signature needs a model's name", fix: "cake verify NAME --signature --key KEY.pub")
        }
        guard file == nil || names.count == 1 else {
            throw CakeError(.usage, "one signature file is for one model", fix: "verify the models one by one")
        }
        if let path = names.first(where: Session.isPath) {
            throw CakeError(
                .usage, "--signature checks models in the store, and \(Printable.escape(path)) is a path",
                fix: "cake import \(Printable.escape(path)) stores it; then verify it by its name"
                    + (first == path ? "" : ", with \(Printable.escape(first))"))
        }
    }
}

extension SignatureCheck {
    func run(_ names: [String], in session: Session) async throws {
        let file = try trustedFile(for: names[0], in: session)
        let trusted = try session.trustedSigner(file)
        let summaries = Summaries(in: session)
        var wrong: [SignatureSummary] = []
        for name in names {
            let (store, named) = try session.find(name)
            let signature = try signature(of: named, in: store, for: trusted.keyDigest, session)
            let progress = Progress("verifying the files of \(named.name)")
            let verified: ModelSigning.Verified
            do {
                verified = try await session.reporter.show(progress) {
                    try await ModelSigning(in: store, progress: progress).verify(
                        named, by: signature, trusting: trusted, ignoringUnsigned: ignoresUnsigned)
                }
            } catch let error as CakeError { throw error.at("\(named.name)") }
            let summary = SignatureSummary(
                named: named, place: signature.place, trustedPath: file.path, verified: verified,
                ignoresUnsigned: ignoresUnsigned)
            if !summary.isRight { wrong.append(summary) }
            summaries.show(summary)
        }
        summaries.end(aloneIfOne: true)
        guard let first = wrong.first else { return }
        throw CakeError(
            .damaged,
            wrong.map { "\($0.named.name) is not as it was signed: \($0.differences)" }.joined(separator: "\n"),
            fix: first.advice)
    }

    /// A signature proves something only beside a key that a person trusts: none is taken from it.
    private func trustedFile(for name: String, in session: Session) throws(CakeError) -> TrustedFile {
        if let trusted { return trusted }
        if let path = try session.settings.file()[.signatureKey] { return .key(path) }
        throw CakeError(
            .usage, "--signature needs the public key that you trust: a signature only hints at its own",
            fix:
                "cake verify \(Printable.escape(name)) --signature --key KEY.pub, or once: cake config signature-key /PATH/KEY.pub"
        )
    }

    private func signature(
        of named: LocalStore.Named, in store: LocalStore, for key: Digest?, _ session: Session
    ) throws(CakeError) -> FoundSignature {
        if let file {
            let bytes = try Disk.read(try session.settings.inHome(file), limit: SignatureBundle.maximumSize)
            return FoundSignature(bytes, at: .path(file))
        }
        let digest = named.record.manifest
        let found = try store.foundSignatures(of: try store.manifest(digest), digest)
        if let key, let own = found.first(where: { $0.hint == key.hex }) { return own }
        // One that does not name its key may be by any.
        if let open = found.first(where: { $0.hint == nil }) ?? found.first { return open }
        throw CakeError(
            .notFound, "\(named.name) has no signature",
            fix: "--signature FILE checks one that you have; cake sign \(named.name) --key KEY makes one")
    }
}
