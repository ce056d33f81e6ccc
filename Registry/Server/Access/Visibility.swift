import Model
internal import Storage
import Store

/// Access: which caller may read a repository, in it a model, and through that a manifest, a blob, a layer, a listing,
/// a search result. Every route asks here before it answers, and no other place decides. docs/registry.md has it as a
/// table.
struct Visibility: Sendable {
    private let registry: RegistryStore
    private let models: HubModels
    private let decisions = Decisions()

    init(_ registry: RegistryStore, _ models: HubModels) {
        self.registry = registry
        self.models = models
    }

    /// Refuses callers that may not use the route at all.
    func check(_ caller: Caller, _ route: RegistryRoute, isRead: Bool, allowsPush: Bool) throws(RegistryError) {
        switch route {
        // The first request of clients: the answer tells them whether to send credentials.
        case .base: try caller.check(allowsPush ? caller.isKnown : caller.mayAsk)
        case .catalog: try caller.check(caller.mayAsk)
        case .uploads(let repository), .upload(let repository, _):
            try caller.check(caller.mayPush(repository), repository)
        case .tags(let repository), .blob(let repository, _), .manifest(let repository, _),
            .referrers(let repository, _):
            try caller.check(isRead ? caller.mayRead(repository) : caller.mayPush(repository), repository)
        }
    }

    /// A caller that may push may be about to leave a blob out because it is here.
    func takesPushes(to repository: RepositoryName, from caller: Caller) -> Bool { caller.mayPush(repository) }

    func check(_ caller: Caller, _ route: CakeRoute) throws(RegistryError) { try caller.check(caller.mayAsk) }

    func shows(_ repository: RepositoryName, to caller: Caller) -> Bool { caller.mayRead(repository) }

    func shows(_ repository: HubRepository, to caller: Caller) -> Bool { caller.mayRead(repository) }

    /// A closed model is shown only by the upstream Hub's word about the caller, and by nothing that is here.
    func shows(_ model: HubModels.Model, to caller: Caller) -> Bool {
        model.record.mark != .mirroredClosed && caller.mayRead(model.place.repository)
    }

    /// A model of the store at its place in the registry.
    func shows(_ served: RegistryStore.Served, to caller: Caller) -> Bool {
        served.named.record.mark != .mirroredClosed && caller.mayRead(served.place.repository)
    }

    /// A manifest in the repository. One that was made from a model is served while the model may be, and if the caller
    /// may have all packs that it lists.
    func gives(
        _ manifest: RegistryStore.StoredManifest, in repository: RepositoryName, to caller: Caller
    ) throws(CakeError) -> Bool {
        guard caller.mayRead(repository) else { return false }
        guard manifest.model != nil else { return true }
        guard let given = try registry.given(as: manifest.name, in: repository) else { return false }
        return try gives(given, in: repository, to: caller)
    }

    private func gives(
        _ given: RegistryStore.Given, in repository: RepositoryName, to caller: Caller
    ) throws(CakeError) -> Bool {
        guard registry.isGiven(given.model, in: repository) else { return false }
        // There a model's packs have only layers that all of its readers may have.
        if registry.isDistant { return true }
        if try registry.sharing(among: caller.readers).allowsAll { return true }
        for pack in given.packs where try !gives(BlobName(pack), in: repository, to: caller) { return false }
        return true
    }

    /// A model of the store in another tool's shape. All of its bytes are the model's own.
    func gives(_ view: RegistryStore.View, in repository: RepositoryName, to caller: Caller) -> Bool {
        caller.mayRead(repository) && registry.isViewed(view.model, in: repository)
    }

    /// A signature of what the caller may have.
    func gives(
        _ signature: RegistryStore.ShownSignature, in repository: RepositoryName, to caller: Caller
    ) throws(CakeError) -> Bool {
        switch signature.subject {
        case .model(let stored): try gives(stored, in: repository, to: caller)
        case .view(let view): gives(view, in: repository, to: caller)
        }
    }

    /// Whether this can be decided for a blob quickly, without reading more.
    func knows(_ blob: BlobName, in repository: RepositoryName, for caller: Caller) -> Bool {
        // The thread that asks this does not wait.
        if registry.isDistant { return false }
        if (try? registry.isPlainlyPushed(blob, in: repository)) == true { return true }
        let key = Decisions.Key(blob, repository, caller)
        guard decisions.has(key), let state = try? registry.blobState(of: repository) else { return false }
        return decisions[key, state] != nil
    }

    /// A blob that was requested lately, where that is decided quickly. If not, the others decide.
    func gives(_ again: RegistryStore.BlobAgain, in repository: RepositoryName, to caller: Caller) -> Bool {
        caller.mayRead(repository) && registry.isPlainlyPushed(again)
    }

    /// A blob that the repository has: one that was pushed, or that a model of the store needs which the caller may have.
    func gives(_ blob: BlobName, in repository: RepositoryName, to caller: Caller) throws(CakeError) -> Bool {
        guard caller.mayRead(repository) else { return false }
        if try registry.isPlainlyPushed(blob, in: repository) { return true }
        if registry.isDistant {
            for given in try registry.given(naming: blob, in: repository) {
                if try gives(given, in: repository, to: caller) { return true }
            }
            return false
        }
        let (key, state) = (Decisions.Key(blob, repository, caller), try registry.blobState(of: repository))
        if let known = decisions[key, state] { return known }
        let isGiven = try decide(blob, in: repository, caller)
        decisions.note(isGiven, key, state)
        return isGiven
    }

    private func decide(
        _ blob: BlobName, in repository: RepositoryName, _ caller: Caller
    ) throws(CakeError) -> Bool {
        if try registry.isNamedByPushed(blob, in: repository) { return true }
        let naming = try registry.given(naming: blob, in: repository)
        // No manifest names it. A pack of the store was mounted then, and the manifest of a caller that may push is on its
        // way.
        if naming.isEmpty { return try registry.isWrittenDown(blob) || caller.mayPush(repository) }
        let layers = try registry.layers(ofPack: blob)
        for given in naming {
            if let layers {
                if try gives(layers, of: given.model, in: repository, to: caller) { return true }
            } else if blob.sha256.map({ !given.packs.contains($0) }) ?? false {
                if try gives(given, in: repository, to: caller) { return true }
            }
        }
        return false
    }

    /// A pack, in which each layer is the model's own, or one that the caller may have with another model.
    private func gives(
        _ layers: [Digest], of model: Digest, in repository: RepositoryName, to caller: Caller
    ) throws(CakeError) -> Bool {
        guard registry.isGiven(model, in: repository) else { return false }
        let sharing = try registry.sharing(among: caller.readers)
        if sharing.allowsAll { return true }
        guard let summary = try registry.summary(of: model) else { return false }
        return layers.allSatisfy { sharing.allows($0, with: summary) }
    }

    /// Every model with a tag that the caller may have.
    func models(for caller: Caller) throws(CakeError) -> [RegistryStore.Listed] {
        try registry.models { caller.mayRead($0) }
    }

    /// A model that the caller may have and whose layer of that digest can be sent from here: from the store, or from
    /// pushed packs. A layer that a pushed manifest only names is a claim, and gives no right to bytes.
    func holder(of layer: Digest, among models: [RegistryStore.Listed]) throws(CakeError) -> RegistryStore.Listed? {
        try holders(of: [layer], among: models)[layer]
    }

    /// The same of many layers: those that have one.
    func holders(
        of layers: Set<Digest>, among models: [RegistryStore.Listed]
    ) throws(CakeError) -> [Digest: RegistryStore.Listed] {
        var found: [Digest: RegistryStore.Listed] = [:]
        var pushed: [Digest: [Int]] = [:]
        for some in models.groups where found.count < layers.count {
            for (place, summary) in zip(some.indices, try registry.summaries(of: some)) {
                guard let summary else { continue }
                for layer in layers where found[layer] == nil && summary.has(layer) {
                    if models[place].artifact == nil {
                        found[layer] = models[place]
                    } else {
                        pushed[layer, default: []].append(place)
                    }
                }
            }
        }
        var whole: [Int: Bool] = [:]
        for (layer, places) in pushed where found[layer] == nil {
            for place in places where found[layer] == nil {
                let isWhole = whole[place] ?? self.models.hasPacks(models[place])
                whole[place] = isWhole
                if isWhole { found[layer] = models[place] }
            }
        }
        return found
    }
}
