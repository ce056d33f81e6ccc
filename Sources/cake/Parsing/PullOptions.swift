import Model
import Store
import Transfer

/// The options that `pull` and `download` share, spelled as `hf download` spells them.
struct PullOptions: Sendable {
    let revision: String?
    let included: [String]
    let excluded: [String]
    let token: String?
    let kind: HubRepository.Kind
    let mostConnections: Int?
    let bytesPerSecond: UInt64?
    let localFolder: String?
    let isForced: Bool
    let replacesName: Bool
    let allowsOlder: Bool
    let usesCache: Bool
    let isDryRun: Bool
    let probing: ProbePolicy?
    let base: String?
    let usesDeltas: Bool
    let mirrors: [String]
    let racesMirrors: Bool

    static let revisionOption = Option.text("revision", "REVISION", "a branch, a tag or a commit")
    static let include = Option.text("include", "GLOB", "only files that match").repeatable
    static let exclude = Option.text("exclude", "GLOB", "no files that match").repeatable
    static let tokenOption = Option.text(
        "token", "TOKEN", "use this token instead of HF_TOKEN or the saved one")
    static let kindOption = Option<HubRepository.Kind>.choice("repo-type", "KIND", "the kind of repository")
    static let workers = Option.count("max-workers", "use at most N connections")
    static let rate = Option<UInt64>(
        "limit-rate", "SIZE", "limit the speed to SIZE per second, such as 20MB", read: Quantities.readBytes)
    private static let local = Option.text(
        "local-dir", "DIR", completing: .path, "also export the files to DIR")
    private static let force = Flag("force-download", "download everything again, whatever is here")
    static let replacing = Flag("force", short: "f", "move the name to this model, even if another model has it")
    static let older = Flag(
        "allow-older", "take a version that the name had before, where cake config policy requires a signature")
    private static let noCache = Flag("no-hf-cache", "reuse nothing from the Hugging Face cache on this disk")
    private static let probe = Option<ProbePolicy>.choice(
        "probe", "WHEN", "sample tensors to find what is here already: only if that saves time, or always")
    private static let noProbe = Flag("no-probe", "take no samples")
    static let baseOption = Option.text(
        "base", "NAME", completing: .model, "the model in the store that this one was made from")
    static let noDelta = Flag("no-delta", "store every tensor whole, none as a delta")
    private static let mirror = Option.text(
        "mirror", "URL", "a server to ask for files before the Hub; their digests always come from the Hub"
    ).repeatable
    private static let race = Flag("race-mirrors", "ask all mirrors, and use the first that answers")
    private static let dryRun = Flag("dry-run", "show what would be downloaded, download nothing")

    static let forms = [
        revisionOption.form, include.form, exclude.form, tokenOption.form, kindOption.form, workers.form, rate.form,
        local.form, force.form, replacing.form, older.form, noCache.form, baseOption.form, probe.form,
        noProbe.form, noDelta.form, mirror.form, race.form, dryRun.form,
    ]

    init(_ arguments: Arguments) throws(CakeError) {
        revision = try arguments.value(of: Self.revisionOption)
        included = try arguments.values(of: Self.include)
        excluded = try arguments.values(of: Self.exclude)
        token = try arguments.value(of: Self.tokenOption)
        kind = try arguments.value(of: Self.kindOption) ?? .model
        mostConnections = try arguments.value(of: Self.workers)
        bytesPerSecond = try arguments.value(of: Self.rate)
        localFolder = try arguments.value(of: Self.local)
        isForced = arguments.has(Self.force)
        replacesName = arguments.has(Self.replacing)
        allowsOlder = arguments.has(Self.older)
        usesCache = !arguments.has(Self.noCache)
        isDryRun = arguments.has(Self.dryRun)
        probing = arguments.has(Self.noProbe) ? nil : try arguments.value(of: Self.probe) ?? .auto
        base = try arguments.value(of: Self.baseOption)
        usesDeltas = !arguments.has(Self.noDelta)
        mirrors = try arguments.values(of: Self.mirror)
        racesMirrors = arguments.has(Self.race)
    }

    /// `extra` are files that were named one by one.
    func pulling(
        _ scope: WeightSelection.Scope, files extra: [String] = [], for verb: String, in session: Session
    ) throws(CakeError) -> Pulling {
        var options = Pull.Options()
        options.isForced = isForced
        options.replacesName = replacesName
        options.gate = try session.settings.signatureGate(allowsOlder: allowsOlder)
        options.probing = probing
        options.usesDeltas = usesDeltas
        options.usesXet = !session.settings.disablesXet
        options.mirrors = try session.settings.mirrors(mirrors, areRaced: racesMirrors)
        if let base { options.base = try session.openStore().find(base).name }
        let limits = try PullOptions.limits(connections: mostConnections, rate: bytesPerSecond, in: session)
        options.bytesPerSecond = limits.rate
        if let most = limits.connections { options.mostConnections = most }
        if usesCache, !isForced, let cache = session.settings.huggingFaceCache { options.caches = [cache] }
        return Pulling(
            source: try session.hub(for: verb, token: token),
            selection: try WeightSelection(scope, files: extra, include: included, exclude: excluded), options: options,
            localFolder: localFolder, isDryRun: isDryRun)
    }

    /// What was typed, else what the settings file says; nil for the usual.
    static func limits(
        connections: Int?, rate: UInt64?, in session: Session
    ) throws(CakeError) -> (connections: Int?, rate: UInt64?) {
        let file = try session.settings.file()
        let most = connections ?? file[.maxWorkers].flatMap { Int($0) }
        let kept = try file[.limitRate].map { text throws(CakeError) in try Quantities.readBytes(text) }
        return (most.map { max(1, $0) }, rate ?? kept)
    }

    /// The name as it was typed, at the revision and of the kind that the options say. `--revision main` is what is meant
    /// without it, and gives the model no other name.
    func reference(_ text: String, in session: Session) throws(CakeError) -> HubReference {
        let named = try session.hubReference(text)
        let typed = try named.revision == nil && revision == Revision.main ? named : named.at(revision)
        guard kind != typed.repository.kind, kind != .model else { return typed }
        return HubReference(
            try HubRepository(typed.repository.id, kind: kind), revision: typed.revision, file: typed.file)
    }
}
