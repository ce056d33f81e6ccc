internal import Model
internal import Store

/// The store's models as its registry shows them, as of one reading of the names.
struct ShownModels: Sendable {
    /// One for each place.
    private(set) var served: [RegistryStore.Served] = []
    /// Closed models by their names. This server alone cannot decide who may have them.
    private(set) var closed: [RepositoryName: Set<Digest>] = [:]
    private var open: [RepositoryName: Set<Digest>] = [:]
    /// False when a name could not be read: then nothing is known to be open.
    let isKnown: Bool
    /// Places that more than one name has, and those of which the name that had them was removed.
    private(set) var clashes: [NameClash] = []

    init() { isKnown = false }

    /// `chosen` are the names that were chosen for places that several have, `before` are the shown models until now: a
    /// served name stays until it is removed, and no other replaces it silently.
    init(_ names: [LocalStore.Named], chosen: [ServedName: ModelName] = [:], before: ShownModels? = nil) {
        isKnown = true
        var places: [ServedName: [LocalStore.Named]] = [:]
        var order: [ServedName] = []
        for named in names {
            guard let place = ServedName(named.name) else { continue }
            guard named.record.mark != .mirroredClosed else {
                closed[place.repository, default: []].insert(named.record.manifest)
                continue
            }
            open[place.repository, default: []].insert(named.record.manifest)
            if places[place] == nil { order.append(place) }
            places[place, default: []].append(named)
        }
        for place in order { choose(among: places[place] ?? [], at: place, chosen[place], before) }
    }

    private mutating func choose(
        among all: [LocalStore.Named], at place: ServedName, _ chosen: ModelName?, _ before: ShownModels?
    ) {
        let best: LocalStore.Named?
        if let chosen {
            best = all.first { $0.name == chosen }
        } else if all.count == 1 {
            best = all.first
        } else {
            let last = before?.name(at: place)
            best = all.first { $0.name == last } ?? all.min { NameClash.goesBefore($0, $1, at: place) }
        }
        if let best { served.append(RegistryStore.Served(place: place, named: best)) }
        guard all.count > 1 || best == nil else { return }
        clashes.append(
            NameClash(
                place: place, served: best?.name, others: all.filter { $0.name != best?.name },
                removed: best == nil ? chosen : nil))
    }

    func name(at place: ServedName) -> ModelName? { served.first { $0.place == place }?.named.name }

    /// Whether a name of the repository leads to the model, and may be shown.
    func isOpen(_ model: Digest, in repository: RepositoryName) -> Bool { open[repository]?.contains(model) == true }

    /// Whether manifests of the model that were served once may still be. A removed name leaves its grace; a repository
    /// that a Hub closed leaves only what another of its names shows.
    func isGiven(_ model: Digest, in repository: RepositoryName) -> Bool {
        isKnown && (isOpen(model, in: repository) || closed[repository] == nil)
    }
}
