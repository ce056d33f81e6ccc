import Model
import Store
import Transfer

struct SignCommand: Verb {
    let name: String
    let key: String
    let passwordFile: String?

    private static let nameWord = Positional("NAME", .one, .model, "the model, or NAME@ID")
    private static let keyOption = Option.text(
        "key", "FILE", completing: .path, "the private key: PEM, on the curve P-256, P-384 or P-521"
    ).required
    private static let passwordOption = Option.text(
        "key-password-file", "FILE", completing: .path, "the password of an encrypted key, as the file's first line")

    static let command = Command(
        Self.self, "sign", for: .keep, "sign a model's files with a private key",
        about: [
            "Makes a signature of OpenSSF model signing 1.0 over the SHA-256 of every file. cake knows these digests and reads no "
                + "model data. The files of a model that came as layers from a registry are hashed once before.",
            "The signature is kept in the store for this version of the model. cake export writes it beside the files as "
                + "model.sig, unless the model has a file of that name. A second signature by the same key replaces the first.",
            "Files of git at the top (.git, .gitattributes, .github, .gitignore) are not signed.",
            "cake asks for the password of an encrypted key, unless you give --key-password-file.",
        ],
        positionals: [nameWord],
        options: [keyOption.form, passwordOption.form],
        examples: [
            .init("cake sign mistral-7b --key key.pem", "sign a model"),
            .init("openssl ecparam -genkey -name prime256v1 -noout -out key.pem", "make a key"),
            .init("openssl pkey -in key.pem -pubout -out key.pub", "write its public half, for those who verify"),
        ],
        whenInterrupted: "nothing was signed")

    init(_ arguments: Arguments) throws(CakeError) {
        name = try arguments.word(Self.nameWord)
        key = try arguments.required(Self.keyOption)
        passwordFile = try arguments.value(of: Self.passwordOption)
    }
}

extension SignCommand {
    func run(in session: Session) async throws {
        let (store, named) = try session.find(name)
        if let below = named.place {
            throw CakeError(
                .failed, "\(named.name) is in the store \(Printable.escape(below)), which lies below and is only read",
                fix: "cake sign \(named.name) --key \(Printable.escape(key)) --store \(Printable.escape(below))")
        }
        let record = named.record
        guard !record.isPartial else {
            throw CakeError(
                .failed, "\(named.name) was pulled in part: \(record.missingText)",
                fix: "\(record.completing(named.name)) downloads the rest")
        }
        if record.isIncomplete {
            session.reporter.note("\(named.name) was pulled in part; only the files that are here are signed")
        }
        let key = try await session.signingKey(key, passwordFile: passwordFile)
        let progress = Progress("verifying the files of \(named.name)")
        let signed = try await session.reporter.show(progress) {
            try await ModelSigning(in: store, progress: progress).sign(named, with: key)
        }
        session.show(SignSummary(named: named, signed: signed))
    }
}
