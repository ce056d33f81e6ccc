internal import Model

/// The store's models as its registry shows them, as of one reading of the names.
struct ShownModels: Sendable {
    /// One for each place.
    private(set) var served: [RegistryStore.Served] = []
    /// What names lead to that a Hub does not show to everyone. Nobody can say here who may have it.
    private(set) var closed: [RepositoryName: Set<Digest>] = [:]
    private var open: [RepositoryName: Set<Digest>] = [:]
    /// False when a name could not be read: then nothing is known to be open.
    let isKnown: Bool

    init() { isKnown = false }

    init(_ names: [LocalStore.Named]) {
        isKnown = true
        var places: [ServedName: Int] = [:]
        for named in names {
            guard let place = ServedName(named.name) else { continue }
            guard named.record.mark != .mirroredClosed else {
                closed[place.repository, default: []].insert(named.record.manifest)
                continue
            }
            open[place.repository, default: []].insert(named.record.manifest)
            guard let number = places[place] else {
                places[place] = served.count
                served.append(RegistryStore.Served(place: place, named: named))
                continue
            }
            // Where two would have the same place, the one that is called exactly so has it, else the first.
            if named.name.withoutRevision == place.repository.text {
                served[number] = RegistryStore.Served(place: place, named: named)
            }
        }
    }

    /// Whether a name of the repository leads to the model, and may be shown.
    func isOpen(_ model: Digest, in repository: RepositoryName) -> Bool { open[repository]?.contains(model) == true }

    /// Whether what was once given out of the model may still be given. A name that was removed leaves its grace, and a
    /// repository that a Hub closed leaves nothing but what another of its names shows.
    func isGiven(_ model: Digest, in repository: RepositoryName) -> Bool {
        isKnown && (isOpen(model, in: repository) || closed[repository] == nil)
    }
}
