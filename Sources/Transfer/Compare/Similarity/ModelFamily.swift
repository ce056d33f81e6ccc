internal import Model
internal import Store

/// Models with the same tensors whose marked layers are stored as the same bases, or are these: fine-tunes of one base all offer that
/// base, and one of them speaks for all.
struct ModelFamily: Sendable {
    /// The likeliest to have the base's own layers first.
    var models: [Digest]
    /// The user or the repository names them as the base.
    let isMeant: Bool
    /// Of a sample of the incoming tensors, as many match.
    let matching: Int
    /// By the number of an incoming tensor, the base of the marked layer that matches it.
    let bases: [Int: Layer]

    /// Models of one shape, and the incoming tensors that the marked ones of it match.
    static func families(
        of models: [(summary: ManifestSummary, isMeant: Bool)], matching: Int, _ numbers: [Int?], tensors: [Tensor],
        in store: LocalStore
    ) -> [ModelFamily] {
        struct Key: Hashable {
            let isMeant: Bool
            let bases: [Digest]
        }
        var places: [Key: Int] = [:]
        var families: [ModelFamily] = []
        for (model, isMeant) in models {
            let key = Key(isMeant: isMeant, bases: model.marked.map(store.root))
            guard let place = places[key] else {
                places[key] = families.count
                var bases: [Int: Layer] = [:]
                for (number, base) in zip(numbers, key.bases) {
                    guard let number, let size = tensors[number].byteCount else { continue }
                    bases[number] = Layer(digest: base, size: size)
                }
                families.append(
                    ModelFamily(models: [model.manifest], isMeant: isMeant, matching: matching, bases: bases))
                continue
            }
            if key.bases == model.marked {
                families[place].models.insert(model.manifest, at: 0)
            } else {
                families[place].models.append(model.manifest)
            }
        }
        return families
    }

    /// The likeliest first.
    static func inOrder(_ families: [ModelFamily]) -> [ModelFamily] {
        families.sorted { one, other in
            guard one.isMeant == other.isMeant else { return one.isMeant }
            return (one.matching, one.models.count, other.models[0]) > (
                other.matching, other.models.count, one.models[0]
            )
        }
    }
}

/// Which families incoming tensors are likely to belong to, by sketches of both.
struct FamilyRanking {
    /// No more are compared in full.
    private static let most = 16
    /// A family whose sketches are less similar by this much than those of the most similar one is left out.
    private static let near = 0.25
    /// Tensors that were trained apart have about a quarter of a sketch in common, and a tune nearly all of it.
    private static let related = 0.45
    /// If none is related, a few are compared all the same: sketches see only the middle of a tensor.
    private static let unrelated = 4

    let incoming: [Int: LayerSketch]
    let stored: [Digest: LayerSketch]

    /// The most similar first. All of them, in their order, where nothing is known.
    func ranked(_ families: [ModelFamily]) -> [ModelFamily] {
        let similarities = families.map(similarities)
        let known = families.indices.filter { !similarities[$0].isEmpty }
        guard !known.isEmpty else { return families }
        func score(_ family: Int) -> Double {
            similarities[family].values.reduce(0, +) / Double(similarities[family].count)
        }
        let scores = Dictionary(uniqueKeysWithValues: known.map { ($0, score($0)) })
        let order = known.sorted { (scores[$0] ?? 0, $1) > (scores[$1] ?? 0, $0) }
        let best = scores.values.max() ?? 0
        // Each part of a merged model has a parent of its own.
        var parents: Set<Int> = []
        for number in Set(similarities.flatMap(\.keys)) {
            let most = known.map { similarities[$0][number] ?? 0 }.max() ?? 0
            guard most >= FamilyRanking.related else { continue }
            parents.formUnion(known.filter { (similarities[$0][number] ?? 0) >= most }.prefix(2))
        }
        guard best >= FamilyRanking.related || !parents.isEmpty else {
            return order.prefix(FamilyRanking.unrelated).map { families[$0] }
        }
        let near = order.filter { (scores[$0] ?? 0) >= best - FamilyRanking.near || parents.contains($0) }
        return near.prefix(FamilyRanking.most).map { families[$0] }
    }

    /// By incoming tensor.
    private func similarities(_ family: ModelFamily) -> [Int: Double] {
        var found: [Int: Double] = [:]
        for (number, base) in family.bases {
            guard let here = incoming[number], here.isTelling, let there = stored[base.digest] else { continue }
            found[number] = here.similarity(to: there)
        }
        return found
    }
}
