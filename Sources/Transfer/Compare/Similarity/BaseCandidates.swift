internal import Model
internal import Store

/// Models in the store that may be the base of a repository, the most likely first.
struct BaseCandidates: Sendable {
    private let store: LocalStore
    /// The model that the user named.
    private let named: ModelName?
    /// The base models that the repository declares.
    private let declared: [String]
    private let itself: Digest?
    private let mayBeClosed: Bool
    let troubles: BaseTroubles

    /// The number of models to compare with: comparing one sample with several costs nothing.
    private static let mostCompared = 4
    /// The limit on models that offer bases, and on their tensors in total. Fine-tunes of one base all offer that base.
    private static let mostOffering = (models: 32, tensors: 32_000)
    /// Tensors that are looked up to find similar models.
    private static let scored = 256

    /// `besides` is the model itself, if it is in the store. A closed model of a mirror is never a base of another
    /// model: readers of that one would get its base from a registry as well.
    init(
        in store: LocalStore, named: ModelName?, declared: [String], besides itself: Digest? = nil,
        mayBeClosed: Bool = false, telling troubles: BaseTroubles = BaseTroubles()
    ) {
        self.troubles = troubles
        self.itself = itself
        self.mayBeClosed = mayBeClosed
        self.store = store
        self.named = named
        self.declared = declared
    }

    /// By file and cut, the layers that may be the same bytes, and the models that have them.
    func candidates(for files: [Segmentation]) throws(CakeError) -> Candidates {
        let tensors = files.flatMap { $0.cuts.compactMap(\.tensor) }
        let models = try matches(of: models(like: tensors), most: BaseCandidates.mostCompared)
        let found = models.map { $0.matches.candidates(for: tensors) }
        let layers = BaseCandidates.byCut(files) { number, cut in
            BaseCandidates.distinct(found.map { $0[number] }, cut)
        }
        return Candidates(models: models.map(\.digest), layers: layers)
    }

    /// By file and cut, the candidates for a tensor's base: layers of the named or declared model, if it has them, else
    /// those of similar models.
    func offers(for files: [Segmentation]) throws(CakeError) -> [[[Layer]]] {
        let tensors = files.flatMap { $0.cuts.compactMap(\.tensor) }
        let most = BaseCandidates.mostOffering
        let models = try matches(
            of: models(like: tensors), most: max(most.models, most.tensors / max(tensors.count, 1)))
        let found = models.map { (isMeant: $0.isMeant, layers: $0.matches.candidates(for: tensors)) }
        return BaseCandidates.byCut(files) { number, cut in
            let meant = found.lazy.filter(\.isMeant).map { $0.layers[number] }
            let layers = BaseCandidates.distinct(Array(meant), cut)
            return layers.isEmpty ? BaseCandidates.distinct(found.map { $0.layers[number] }, cut) : layers
        }
    }

    private static func byCut(
        _ files: [Segmentation], _ layers: (Int, Segmentation.Cut) -> [Layer]
    ) -> [[[Layer]]] {
        var number = 0
        return files.map { file in
            file.cuts.map { cut in
                guard cut.tensor != nil else { return [] }
                defer { number += 1 }
                return layers(number, cut)
            }
        }
    }

    private static func distinct(_ layers: [Layer?], _ cut: Segmentation.Cut) -> [Layer] {
        var seen: Set<Digest> = []
        return layers.compactMap(\.self).filter { $0.size == cut.count && seen.insert($0.digest).inserted }
    }

    /// A model that may have the same tensors, or tensors alike.
    private struct Alike {
        let digest: Digest
        let isMeant: Bool
        /// Of a sample of the tensors.
        let matching: Int
    }

    /// All that are, the likeliest first. Their summaries say which have the same tensors by name, type and shape: of all that do, one
    /// manifest is read, whatever their number.
    private func models(like tensors: [Tensor]) throws(CakeError) -> [Alike] {
        var first: Set<Digest> = []
        for base in declared { first.formUnion(try manifests(of: base)) }
        if let named {
            guard let record = try store.record(of: named) else {
                throw CakeError(.notFound, "\(named) is not in the store", fix: "cake ls lists the models")
            }
            first = [record.manifest]
        }
        let sample = Array(tensors.sorted { ($0.byteCount ?? 0) > ($1.byteCount ?? 0) }.prefix(BaseCandidates.scored))
        guard !sample.isEmpty else { return [] }
        let others = try manifests().filter { $0 != itself }
        var counts: [Digest: Int] = [:]
        var alike: [Alike] = []
        for model in try store.summaries(of: others, reading: manifest) {
            let isMeant = first.contains(model.manifest)
            var matching = counts[model.shape]
            if matching == nil, model.tensors == 0 { matching = 0 }
            if matching == nil, let manifest = try manifest(model.manifest) {
                matching = TensorMatches(of: manifest).candidates(for: sample).count { $0 != nil }
            }
            // One that cannot be read offers nothing; the next of its shape is read instead.
            guard let matching else { continue }
            counts[model.shape] = matching
            if matching > 0 || isMeant {
                alike.append(Alike(digest: model.manifest, isMeant: isMeant, matching: matching))
            }
        }
        return alike.sorted { one, other in
            one.isMeant != other.isMeant
                ? one.isMeant : (one.matching, other.digest) > (other.matching, one.digest)
        }
    }

    /// The tensors of the first models that can be read.
    private func matches(
        of models: [Alike], most: Int
    ) throws(CakeError) -> [(digest: Digest, matches: TensorMatches, isMeant: Bool)] {
        var found: [(digest: Digest, matches: TensorMatches, isMeant: Bool)] = []
        for model in models where found.count < most {
            guard let manifest = try manifest(model.digest) else { continue }
            found.append((model.digest, TensorMatches(of: manifest), model.isMeant))
        }
        return found
    }

    /// Nil for one that cannot be read: the others count all the same.
    private func manifest(_ digest: Digest) throws(CakeError) -> Manifest? {
        do {
            return try store.manifest(digest)
        } catch {
            // A model that was collected since the listing is no loss.
            if try store.manifestDigests().contains(digest) {
                troubles.add(CakeError(error.kind, error.what, fix: "cake verify"))
            }
            return nil
        }
    }

    private func manifests() throws(CakeError) -> [Digest] {
        let all = try store.manifestDigests()
        guard !mayBeClosed else { return all }
        let names = try store.names()
        let closed = Set(names.filter { $0.record.mark == .mirroredClosed && $0.name != named }.map(\.record.manifest))
        guard !closed.isEmpty else { return all }
        // A model without a name may have been closed.
        return all.filter(Set(names.map(\.record.manifest)).subtracting(closed).contains)
    }

    /// The models under a name that a card gives, or else under its last part, as folders are named.
    private func manifests(of base: String) throws(CakeError) -> [Digest] {
        let names = try store.names()
        let exact = names.filter { $0.name.string == base || $0.record.source == "hf://" + base }
        let end = base.split(separator: "/").last.map(String.init)
        return (exact.isEmpty ? names.filter { $0.name.string == end } : exact).map(\.record.manifest)
    }
}

/// Layers that files to be downloaded may have in common with models that are here.
struct Candidates: Sendable {
    /// Manifests, the most likely first.
    var models: [Digest] = []
    /// By file and cut.
    var layers: [[[Layer]]]

    /// Empty, for this number of files.
    static func none(for files: [OpenedFile]) -> Candidates {
        Candidates(layers: files.map { Array(repeating: [], count: $0.segmentation.cuts.count) })
    }
}
