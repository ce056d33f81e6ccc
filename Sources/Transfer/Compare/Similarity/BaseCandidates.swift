internal import Model
internal import Store
internal import Synchronization

/// Models in the store that may be the base of a repository, the most likely first.
final class BaseCandidates: Sendable {
    private let store: LocalStore
    /// The model that the user named.
    private let named: ModelName?
    /// The base models that the repository declares.
    private let declared: [String]
    private let itself: Digest?
    private let mayBeClosed: Bool
    let troubles: BaseTroubles
    /// Of incoming tensors, as far as they are known.
    private let sketches = Mutex<[Tensor: LayerSketch]>([:])

    /// The number of models to compare with: comparing one sample with several costs nothing.
    private static let mostCompared = 4
    /// The limit on models that offer bases, and on their tensors in total. Fine-tunes of one base all offer that base.
    private static let mostOffering = (models: 32, tensors: 32_000)
    /// Members of a family that offer bases: most of their tensors are deltas of the same layers.
    private static let mostMembers = 4
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
        let models = try matches(
            of: models(of: families(like: tensors), tensors), most: BaseCandidates.mostCompared)
        let found = models.map { $0.matches.candidates(for: tensors) }
        let layers = BaseCandidates.byCut(files) { number, cut in
            BaseCandidates.distinct(found.map { $0[number] }, cut)
        }
        return Candidates(models: models.map(\.digest), layers: layers)
    }

    /// By file and cut, the candidates for a tensor's base: layers of the named or declared model, if it has them, else
    /// those of similar models.
    func offers(for files: [Segmentation], sketch: Sketching? = nil) throws(CakeError) -> [[[Layer]]] {
        let places = BaseCandidates.places(of: files)
        let tensors = places.map(\.tensor)
        let families = try families(like: tensors)
        if let sketch {
            for number in telling(tensors, of: families, beyond: 1) {
                let place = places[number]
                if let sketch = try sketch(place.file, place.cut) { learn(sketch, of: place.tensor) }
            }
        }
        let most = BaseCandidates.mostOffering
        let models = try matches(
            of: models(of: families, tensors), most: max(most.models, most.tensors / max(tensors.count, 1)))
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

    /// The sketch of an incoming tensor, by file and cut, where its bytes are at hand.
    typealias Sketching = @Sendable (Int, Int) throws(CakeError) -> LayerSketch?

    /// Incoming tensors, by file and cut, whose sketches would tell which of more than so many families they belong to.
    func telling(_ files: [Segmentation], beyond few: Int) throws(CakeError) -> [(file: Int, cut: Int)] {
        let places = BaseCandidates.places(of: files)
        let tensors = places.map(\.tensor)
        return telling(tensors, of: try families(like: tensors), beyond: few).map { (places[$0].file, places[$0].cut) }
    }

    private func telling(_ tensors: [Tensor], of families: [ModelFamily], beyond few: Int) -> ArraySlice<Int> {
        guard families.count > few, !families.contains(where: \.isMeant) else { return [] }
        let known = sketches.withLock { $0 }
        let wanted = Set(families.flatMap(\.bases.keys)).filter { known[tensors[$0]] == nil }.sorted()
        return wanted.prefix(BaseCandidates.mostSketched)
    }

    func learn(_ sketch: LayerSketch, of tensor: Tensor) { sketches.withLock { $0[tensor] = sketch } }

    private static let mostSketched = 32

    private static func places(of files: [Segmentation]) -> [(file: Int, cut: Int, tensor: Tensor)] {
        files.enumerated().flatMap { number, file in
            file.cuts.enumerated().compactMap { cut, value in value.tensor.map { (number, cut, $0) } }
        }
    }

    /// The models of the likeliest families, one of each first.
    private func models(
        of families: [ModelFamily], _ tensors: [Tensor]
    ) throws(CakeError) -> [(digest: Digest, isMeant: Bool)] {
        let families = try ranked(families, tensors)
        return (0..<BaseCandidates.mostMembers).flatMap { place in
            families.lazy.filter { place < $0.models.count }.map { ($0.models[place], $0.isMeant) }
        }
    }

    private func ranked(_ families: [ModelFamily], _ tensors: [Tensor]) throws(CakeError) -> [ModelFamily] {
        let known = sketches.withLock { $0 }
        guard !known.isEmpty, families.count > 1, !families.contains(where: \.isMeant) else { return families }
        var incoming: [Int: LayerSketch] = [:]
        var wanted: [LocalStore.Sketched] = []
        for family in families {
            for (number, base) in family.bases {
                guard let sketch = known[tensors[number]] else { continue }
                incoming[number] = sketch
                wanted.append(LocalStore.Sketched(base, tensors[number].dtype))
            }
        }
        return FamilyRanking(incoming: incoming, stored: try store.sketches(of: wanted)).ranked(families)
    }

    /// All that may have the same tensors, or tensors alike, the likeliest first. Summaries say which models have the same tensors by name,
    /// type and shape: of all that do, one manifest is read, whatever their number.
    private func families(like tensors: [Tensor]) throws(CakeError) -> [ModelFamily] {
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
        var shapes: [Digest: [(summary: ManifestSummary, isMeant: Bool)]] = [:]
        for model in try store.summaries(of: others, reading: manifest) where model.tensors > 0 {
            shapes[model.shape, default: []].append((model, first.contains(model.manifest)))
        }
        var families: [ModelFamily] = []
        for models in shapes.values {
            // One that cannot be read offers nothing; the next of its shape is read instead.
            for (summary, _) in models {
                guard let manifest = try manifest(summary.manifest) else { continue }
                let matches = TensorMatches(of: manifest)
                let matching = matches.candidates(for: sample).count { $0 != nil }
                guard matching > 0 || models.contains(where: \.isMeant) else { break }
                let numbers = BaseCandidates.numbers(of: summary.marked, among: matches.candidates(for: tensors))
                families += ModelFamily.families(
                    of: models, matching: matching, numbers, tensors: tensors, in: store)
                break
            }
        }
        return ModelFamily.inOrder(families)
    }

    /// The incoming tensor that each of some layers is a candidate for.
    private static func numbers(of marked: [Digest], among candidates: [Layer?]) -> [Int?] {
        var numbers: [Digest: [Int]] = [:]
        let wanted = Set(marked)
        for (number, layer) in candidates.enumerated() {
            if let layer, wanted.contains(layer.digest) { numbers[layer.digest, default: []].append(number) }
        }
        return marked.map { layer in
            guard let found = numbers[layer], !found.isEmpty else { return nil }
            return numbers[layer]?.removeFirst()
        }
    }

    /// The tensors of the first models that can be read.
    private func matches(
        of models: [(digest: Digest, isMeant: Bool)], most: Int
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
