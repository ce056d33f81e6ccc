import Model
import Platform
import Transfer

struct PullCommand: Verb {
    let names: [String]
    let takesAll: Bool
    let options: PullOptions
    let tensors: TensorOptions
    let plainHTTP: Bool

    private static let nameWord = Positional(
        "NAME", .some, .nothing, "org/name[@revision], a short name, a Hub URL, or host/path[:tag] of a registry")
    private static let all = Flag("all", "every file, also the same weights in other formats")

    static let command = Command(
        Self.self, "pull", for: .move, "bring a model from the Hub or a registry, only what is not here",
        about: [
            "Files that are in the store under any name are not fetched again, nor what an interrupted pull has fetched, "
                + "to the byte. Every file is checked against the hash that the Hub published; only then the model gets "
                + "its name.",
            "Where a repository has the same weights in several formats, safetensors are taken and the others named; "
                + "--all takes everything, --include what fits.",
            "--tensors and --layers bring a part: those tensors in one safetensors file of their own, and the files that go "
                + "along. A published hash is of a whole file, so a part cannot be checked against it; a pull of all "
                + "completes and checks it.",
            "From an OCI registry a model comes that cake push put there: by ranges of its packs, layer by layer, each compared "
                + "with its digest; deltas stay deltas where their base is here. HTTPS is spoken, except to this machine "
                + "itself and with --plain-http. Logins are those of docker, podman and cake login HOST.",
            "HF_ENDPOINT, HF_TOKEN, HF_HOME, HF_HUB_OFFLINE and the usual variables of proxies and certificates are "
                + "honoured.",
        ],
        positionals: [nameWord],
        options: [all.form, TensorOptions.tensors.form, TensorOptions.layers.form] + PullOptions.forms
            + [RegistryOptions.plainHTTP.form],
        examples: [
            .init("cake pull mistral-7b", "by its short name"),
            .init("cake pull org/name@v2 --local-dir ./model", "a tag, and its files beside"),
            .init("cake pull registry.local:5000/team/m:v1", "from a team's registry"),
            .init("cake pull org/name --include '*.json'", "some of its files"),
            .init("cake pull org/name --layers 0-7 --tensors '*embed*'", "a part of it"),
            .init("cake pull org/name --dry-run", "what it would cost now"),
        ],
        whenInterrupted: "what was fetched is kept; the same command goes on from there")

    init(_ arguments: Arguments) throws(CakeError) {
        names = arguments.words(Self.nameWord)
        takesAll = arguments.has(Self.all)
        options = try PullOptions(arguments)
        plainHTTP = arguments.has(RegistryOptions.plainHTTP)
        tensors = try TensorOptions(selecting: arguments)
        if !tensors.isEmpty, takesAll || options.localFolder != nil {
            throw CakeError(
                .usage, "--tensors and --layers bring a part, which goes neither with --all nor with --local-dir")
        }
    }
}

extension PullCommand {
    func run(in session: Session) async throws {
        var hub: [(Int, HubReference)] = []
        var registry: [(Int, RegistryReference)] = []
        for (place, name) in names.enumerated() {
            if case .registry(let reference) = try session.settings.reference(name) {
                registry.append((place, reference))
            } else {
                hub.append((place, try options.reference(name, in: session)))
            }
        }
        let fromRegistry = try registry.isEmpty ? nil : registryPulling(in: session)
        var pulling: Pulling?
        if !hub.isEmpty {
            pulling = try options.pulling(takesAll ? .everything : .oneFormat, for: "cake pull", in: session)
            pulling?.part = tensors.isEmpty ? nil : tensors
        }
        for place in names.indices {
            if let reference = hub.first(where: { $0.0 == place })?.1 { try await pulling?(reference, in: session) }
            if let reference = registry.first(where: { $0.0 == place })?.1 {
                try await fromRegistry?(reference, in: session)
            }
        }
    }

    private func registryPulling(in session: Session) throws(CakeError) -> RegistryPulling {
        guard tensors.isEmpty, options.revision == nil, options.included.isEmpty, options.excluded.isEmpty else {
            throw CakeError(
                .usage, "from a registry a model comes whole, as its tag or digest says",
                fix: "leave out --tensors, --layers, --revision, --include and --exclude")
        }
        var limits = RegistryPull.Options()
        let asked = try PullOptions.limits(
            connections: options.mostConnections, rate: options.bytesPerSecond, in: session)
        if let most = asked.connections { limits.mostConnections = most }
        limits.bytesPerSecond = asked.rate
        limits.replacesName = options.replacesName
        return RegistryPulling(
            options: limits, localFolder: options.localFolder, isDryRun: options.isDryRun, plainHTTP: plainHTTP)
    }
}
