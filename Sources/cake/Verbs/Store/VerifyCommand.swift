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

    private static let nameWord = Positional(
        "NAME", .any, .modelOrPath, "models to check, or archives; the whole store without one")

    private static let repair = Flag("repair", "fetch what is damaged or missing, and nothing else, from the Hub")

    private static let remote = Flag("remote", "read the model in its registry, also when the store has it")
    private static let subset = Option(
        "subset", "N/T", "check the n-th of t parts of the store's layers and blobs, as 1/7 on Mondays",
        read: { text throws(CakeError) in try VerifiedShare(parsing: text) })

    static let command = Command(
        Self.self, "verify", aliases: ["fsck"], for: .keep, "read layers again and check them against their names",
        about: [
            "Every layer is rebuilt and hashed. One that is damaged is set aside, so that it is never used, and the "
                + "models that need it are named.",
            "With --repair, damaged layers of models that came from a registry or the Hub are fetched again from there, and "
                + "nothing else is; what came from elsewhere has to be imported again.",
            "A model that is not in the store, and is written like one of a registry, is read there: every layer is fetched, "
                + "decoded and compared with its digest, and every file's SHA-256 is checked. Nothing is kept.",
            "Without NAME it also reads what cake serve keeps: blobs, packs and manifests that were pushed. One that is damaged is "
                + "set aside: the server then says that it does not have it, and the next push brings it. With --repair, "
                + "manifests and packs that the server made of the store's models are made again.",
            "A path to an archive that cake export --format fast wrote is read to its last byte and compared with the "
                + "digests inside; that needs no store.",
        ],
        positionals: [nameWord],
        options: [repair.form, subset.form, remote.form, RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake verify", "the whole store"),
            .init("cake verify mistral-7b", "what one model needs"),
            .init("cake verify ./model.pt", "an archive"),
            .init("cake verify registry.local:5000/team/m:v1", "what was pushed there"),
            .init("cake verify --repair", "and mend it from where it came"),
            .init("cake verify --subset 3/7", "a seventh of the store; with 1/7 to 7/7 all of it"),
        ],
        whenInterrupted: "nothing was changed but damaged layers set aside; run it again to check the rest")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        repairs = arguments.has(Self.repair)
        isRemote = arguments.has(Self.remote)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        share = try arguments.value(of: Self.subset) ?? .all
        guard share.of == 1 || names.isEmpty else {
            throw CakeError(
                .usage, "--subset is a part of the whole store", fix: "leave the names away, or leave --subset away")
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
                .usage, "\"\(Printable.escape(text))\" is no part of the store",
                fix: "--subset 1/7 is the first of seven")
        }
        self.init(number, of: count)
    }
}
