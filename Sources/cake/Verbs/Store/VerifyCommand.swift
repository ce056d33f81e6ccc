import Model
internal import Storage
import Store

struct VerifyCommand: Verb {
    /// Empty: everything in the store. One may be the path of an archive.
    let names: [String]
    let repairs: Bool
    /// The names are of models in registries.
    let isRemote: Bool
    let plainHTTP: Bool
    /// Of the whole store.
    let share: VerifiedShare
    /// Instead of the layers.
    let signature: SignatureCheck?

    private static let nameWord = Positional(
        "NAME", .any, .modelOrPath, "models, NAME@ID or archives to check; without one, the whole store")

    private static let repair = Flag(
        "repair", "download damaged and missing layers again, from the registry or Hub of the model")

    private static let remote = Flag("remote", "check the model in its registry, even if the store has it")
    private static let subset = Option(
        "subset", "N/T", "check part N of T of the store, such as 1/7 on Mondays",
        read: { text throws(CakeError) in try VerifiedShare(parsing: text) })

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "check that all layers are intact",
        about: [
            "Decodes and hashes every layer. A damaged layer is set aside and never used, and cake names the models that need it.",
            "With --repair, cake downloads damaged and missing layers again from the registry or Hub that the model came from. "
                + "Import a model again if it came from elsewhere.",
            "A model in a registry (host/path:tag) that is not in the store is checked there: cake downloads every layer, compares it "
                + "with its digest, and checks the SHA-256 of every file. It keeps nothing.",
            "Without NAME, cake also checks the blobs, packs and manifests that cake serve keeps. Damaged ones are set aside: the "
                + "server then answers that it does not have them, and the next push sends them again. With --repair, cake makes "
                + "manifests and packs of the models in the store again.",
            "For the path of an archive from cake export --format fast, cake compares every byte with the digests in the archive. "
                + "That needs no store.",
            "With --signature, cake verifies the model's signature of OpenSSF model signing with your public key, and compares the "
                + "digests of the files with the signed ones. It reads no layers. The signature is the one in FILE, else the one that "
                + "cake sign made, else the model's own file model.sig. Every difference is named.",
        ],
        positionals: [nameWord],
        options: [repair.form, subset.form, remote.form, RegistryOptions.plainHTTP.form] + SignatureCheck.forms,
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "the layers of one model"),
            .init("cake verify ./model.pt", "an archive"),
            .init("cake verify registry.local:5000/team/m:v1", "a model in a registry"),
            .init("cake verify --repair", "repair damaged layers"),
            .init("cake verify mistral-7b --signature --key publisher.pub", "check who signed the files"),
            .init("cake verify --subset 3/7", "a seventh of the store; 1/7 to 7/7 together are all of it"),
        ],
        whenInterrupted: "damaged layers that were found are set aside; nothing else changed")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        repairs = arguments.has(Self.repair)
        isRemote = arguments.has(Self.remote)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        share = try arguments.value(of: Self.subset) ?? .all
        let others = [(repairs, "--repair"), (isRemote, "--remote"), (arguments.has(Self.subset), "--subset")]
        signature = try SignatureCheck(arguments, names: names, others: others.filter(\.0).map(\.1))
        guard share.of == 1 || names.isEmpty else {
            throw CakeError(
                .usage, "--subset is a part of the whole store, so it takes no names",
                fix: "leave the names or --subset out")
        }
    }
}

extension VerifiedShare {
    /// As `3/7`.
    fileprivate init(parsing text: String) throws(CakeError) {
        let words = text.split(separator: "/", omittingEmptySubsequences: false)
        guard words.count == 2, let number = UInt64(words[0]), let count = UInt64(words[1]), count > 0,
            count <= 1_000_000, number > 0, number <= count
        else {
            throw CakeError(
                .usage, "\"\(Printable.escape(text))\" is not a part of the store",
                fix: "--subset 1/7 is the first of seven")
        }
        self.init(number, of: count)
    }
}
