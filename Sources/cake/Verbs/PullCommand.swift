import Model
import Platform

struct PullCommand: Verb {
    let names: [String]
    let takesAll: Bool
    let options: PullOptions
    let tensors: TensorOptions

    private static let nameWord = Positional("NAME", .some, .nothing, "org/name[@revision], a short name, or a Hub URL")
    private static let all = Flag("all", "every file, also the same weights in other formats")

    static let command = Command(
        Self.self, "pull", for: .move, "bring a model from the Hub, only what is not here",
        about: [
            "Files that are in the store under any name are not fetched again, nor what an interrupted pull has fetched, "
                + "to the byte. Every file is checked against the hash that the Hub published; only then the model gets "
                + "its name.",
            "Where a repository has the same weights in several formats, safetensors are taken and the others named; "
                + "--all takes everything, --include what fits.",
            "--tensors and --layers bring a part: those tensors in one safetensors file of their own, and the files that go "
                + "along. A published hash is of a whole file, so a part cannot be checked against it; a pull of all "
                + "completes and checks it.",
            "HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and the usual variables of proxies and certificates are "
                + "honoured.",
        ],
        positionals: [nameWord],
        options: [all.form, TensorOptions.tensors.form, TensorOptions.layers.form] + PullOptions.forms,
        examples: [
            .init("cake pull mistral-7b", "by its short name"),
            .init("cake pull org/name@v2 --local-dir ./model", "a tag, and its files beside"),
            .init("cake pull org/name --include '*.json'", "some of its files"),
            .init("cake pull org/name --layers 0-7 --tensors '*embed*'", "a part of it"),
            .init("cake pull org/name --dry-run", "what it would cost now"),
        ],
        whenInterrupted: "what was fetched is kept; the same command goes on from there")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        takesAll = arguments.has(Self.all)
        options = try PullOptions(arguments)
        tensors = try TensorOptions(selecting: arguments)
        if !tensors.isEmpty, takesAll || options.localFolder != nil {
            throw CakeError(
                .usage, "--tensors and --layers bring a part, which goes neither with --all nor with --local-dir")
        }
    }
}

extension PullCommand {
    func run(in session: Session) async throws {
        var references: [HubReference] = []
        for name in names { references.append(try options.reference(name, in: session)) }
        var pulling = try options.pulling(takesAll ? .everything : .oneFormat, for: "cake pull", in: session)
        pulling.part = tensors.isEmpty ? nil : tensors
        for reference in references { try await pulling(reference, in: session) }
    }
}
