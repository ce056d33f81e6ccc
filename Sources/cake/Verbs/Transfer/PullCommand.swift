import Model
import Platform
import Store
import Transfer

struct PullCommand: Verb {
    let names: [String]
    /// The name to give a single model.
    let newName: String?
    let takesAll: Bool
    let options: PullOptions
    let tensors: TensorOptions
    let plainHTTP: Bool
    let endpoint: String?

    private static let nameWord = Positional(
        "NAME", .some, .nothing,
        "org/name[@revision], a short name, a Hub URL, host/path[:tag] of a registry, or s3://bucket/path[:tag]")
    private static let all = Flag("all", "every file, including the same weights in other formats")
    private static let asOption = Option.text("as", "NAME", "the name to give the model here, instead of its own")

    static let command = Command(
        Self.self, "pull", for: .move, "download a model from the Hub or a registry",
        about: [
            "Downloads only what is missing. Files that the store has under any name are not downloaded again, and an "
                + "interrupted pull resumes at the byte. Every file is checked against the hash that the Hub published. Only then "
                + "does the model get its name.",
            "Some repositories hold the same weights in several formats. Then cake takes safetensors and says what it left "
                + "out. --all takes every file, --include takes the files you choose.",
            "Several names are several models. When one of them fails, the others are still pulled. A registry's model and "
                + "one plain word (cake pull registry.local:5000/team/m:v1 m) is one model under that name; --as NAME says the "
                + "same of any model.",
            "--tensors and --layers pull part of a model: those tensors in a safetensors file of their own, and the small "
                + "files. The Hub publishes hashes of whole files only, so a part cannot be checked. A pull without these "
                + "options completes and checks it.",
            "From an OCI registry cake pulls models that cake push put there. It downloads single layers out of packs, and "
                + "checks each against its digest. Deltas stay deltas when their base is here. cake uses HTTPS, except for "
                + "this machine and with --plain-http. It uses the logins of docker, podman and cake login HOST.",
            "It also pulls what other tools pushed there: CNCF ModelPack, Docker Model Runner's models, KitOps' ModelKits, and "
                + "images with files in models/. Every layer is checked against its digest, and only files that are not here "
                + "are downloaded.",
            "s3://bucket/path[:tag] is a model that cake push or cake serve put into object storage. No server of cake is needed: "
                + "who may read the bucket may read its models. Keys come from AWS_ACCESS_KEY_ID, a profile or a token file.",
            "cake reads HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and the usual variables for proxies and certificates.",
        ],
        positionals: [nameWord],
        options: [all.form, asOption.form, TensorOptions.tensors.form, TensorOptions.layers.form] + PullOptions.forms
            + [RegistryOptions.plainHTTP.form, RegistryOptions.endpoint.form],
        examples: [
            .init("cake pull mistral-7b", "by its short name"),
            .init("cake pull org/name@v2 --local-dir ./model", "a tag, and its files in ./model too"),
            .init("cake pull registry.local:5000/team/m:v1", "from a team's registry"),
            .init("cake pull registry.local:5000/team/m:v1 m", "the same, as m"),
            .init(
                "cake pull s3://models/team/m:v1 --s3-endpoint https://ceph.local", "from a bucket, without a server"),
            .init("cake pull org/name --as my-base", "under a name of your own"),
            .init("cake pull org/name --include '*.json'", "some of its files"),
            .init("cake pull org/name --layers 0-7 --tensors '*embed*'", "some of its tensors"),
            .init("cake pull org/name --dry-run", "what it would download now"),
        ],
        whenInterrupted: "what was downloaded is kept; the same command resumes")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        newName = try arguments.value(of: Self.asOption)
        takesAll = arguments.has(Self.all)
        options = try PullOptions(arguments)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        endpoint = try arguments.value(of: RegistryOptions.endpoint)
        tensors = try TensorOptions(selecting: arguments)
        if !tensors.isEmpty, takesAll || options.localFolder != nil {
            let other = takesAll ? "--all" : "--local-dir"
            throw CakeError(
                .usage, "--tensors and --layers pull part of a model, so \(other) cannot be used with them",
                fix: "leave out \(other)")
        }
        guard newName == nil || names.count == 1 else {
            throw CakeError(
                .usage, "--as gives one model a name, and there are \(names.count) models",
                fix: "pull them one by one, each with its own --as")
        }
    }
}

extension PullCommand {
    /// A model that was named, and where it is.
    private enum Place {
        case hub(HubReference)
        case registry(RegistryReference)
    }

    func run(in session: Session) async throws {
        let (names, newName) = try wanted(in: session)
        guard names.count == 1 || options.localFolder == nil else {
            throw CakeError(
                .usage, "--local-dir is the folder of one model, and there are \(names.count) models",
                fix: "pull them one by one, or cake pull without --local-dir and then cake export NAME NAME -o DIR")
        }
        let places = try names.map { name throws(CakeError) -> Place in
            if case .registry(let reference) = try session.settings.reference(name) { return .registry(reference) }
            return .hub(try options.reference(name, in: session))
        }
        let pull = try pulling(places, in: session)
        let summaries = Summaries(in: session)
        var failures = Failures(of: places.count, told: !session.settings.isQuiet)
        for (name, place) in zip(names, places) {
            do {
                let pulled = try await pull(place, newName)
                summaries.show(pulled.summary)
                if let folder = options.localFolder, let report = try await session.export(pulled, to: folder) {
                    let there = report.filesThere > 0 ? ", \(report.filesThere) of them there already" : ""
                    let files = Quantities.count(report.files + report.filesThere, of: "file")
                    session.tell("  exported to \(Printable.escape(folder)): \(files)\(there)")
                }
            } catch let error as CakeError where failures.takes(error) && !Task.isCancelled {
                failures.add(error, of: name)
                summaries.add(ErrorText.value(error, of: name))
                session.reporter.note("\(name) was not pulled: \(error.what)")
            } catch {
                // A program hears of those that were pulled.
                if places.count > 1 { summaries.end() }
                throw error
            }
        }
        summaries.end(aloneIfOne: places.count == 1)
        try failures.throwIfAny(verb: "pulled")
    }

    /// The models, and the name for a single one. Two words are two models, unless they can only be a model and its name.
    private func wanted(in session: Session) throws(CakeError) -> (names: [String], newName: ModelName?) {
        var (names, given) = (names, newName)
        if names.count == 2, names[0].contains("/"), try isPlain(names[1], in: session) {
            let word = Printable.escape(names[1])
            guard case .registry = try session.settings.reference(names[0]) else {
                let first = Printable.escape(names[0])
                throw CakeError(
                    .usage, "\(word) may be a name for \(first), or a second model",
                    fix: "cake pull \(first) --as \(word), or for two models: cake pull \(first) hf://\(word)")
            }
            given = names.removeLast()
        }
        guard let given else { return (names, nil) }
        return (names, try session.newName(given, force: options.replacesName))
    }

    /// One word, and no short name of a model.
    private func isPlain(_ word: String, in session: Session) throws(CakeError) -> Bool {
        guard !word.utf8.contains(where: { "/:@~".utf8.contains($0) }), Aliases.hubID(of: word) == nil else {
            return false
        }
        let wanted = ExactText(word)
        return try !session.settings.file().aliases.contains { ExactText($0.key) == wanted }
    }

    /// All that was typed is read before the first model is pulled.
    private func pulling(
        _ places: [Place], in session: Session
    ) throws(CakeError) -> (Place, ModelName?) async throws -> Pulled {
        var (hub, registry): (Pulling?, RegistryPulling?) = (nil, nil)
        for place in places {
            switch place {
            case .hub where hub == nil:
                hub = try options.pulling(takesAll ? .everything : .oneFormat, for: "cake pull", in: session)
                hub?.part = tensors.isEmpty ? nil : tensors
            case .registry where registry == nil: registry = try registryPulling(in: session)
            case .hub, .registry: break
            }
        }
        return { [hub, registry] place, name in
            switch place {
            case .hub(let reference):
                if let hub { return try await hub(reference, as: name, in: session) }
            case .registry(let reference):
                if let registry { return try await registry(reference, as: name, in: session) }
            }
            throw CancellationError()
        }
    }

    private func registryPulling(in session: Session) throws(CakeError) -> RegistryPulling {
        guard tensors.isEmpty, options.revision == nil, options.included.isEmpty, options.excluded.isEmpty else {
            throw CakeError(
                .usage, "a registry's model is pulled whole, as its tag or digest names it",
                fix: "leave out --tensors, --layers, --revision, --include and --exclude")
        }
        var limits = RegistryPull.Options()
        let asked = try PullOptions.limits(
            connections: options.mostConnections, rate: options.bytesPerSecond, in: session)
        if let most = asked.connections { limits.mostConnections = most }
        limits.bytesPerSecond = asked.rate
        limits.replacesName = options.replacesName
        limits.gate = try session.settings.signatureGate(allowsOlder: options.allowsOlder)
        return RegistryPulling(options: limits, isDryRun: options.isDryRun, plainHTTP: plainHTTP, endpoint: endpoint)
    }
}
