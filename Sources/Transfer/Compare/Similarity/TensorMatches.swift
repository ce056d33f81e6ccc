internal import Model

/// The tensors of a model that is here, as candidates for being those of a file that is not. Shards play no part.
struct TensorMatches: Sendable {
    /// Files of one model may use a name each for a tensor of their own, as those of a pipeline do.
    private var byTensor: [Tensor: Layer] = [:]
    private var byKind: [Tensor.Kind: [Layer]] = [:]

    init(of model: Manifest) {
        for segment in model.files.lazy.flatMap(\.segments) {
            guard let tensor = segment.tensor else { continue }
            byTensor[tensor] = segment.layer
            byKind[tensor.kind, default: []].append(segment.layer)
        }
    }

    /// For each tensor the layer that may be the same, by the rule that finds most: the name; the name with another
    /// prefix; the place among all of that kind, for a model with renamed tensors.
    func candidates(for tensors: [Tensor]) -> [Layer?] {
        // Models of other architectures are most of a large store.
        guard tensors.contains(where: { byKind[$0.kind] != nil }) else { return tensors.map { _ in nil } }
        let named = tensors.map { same($0, as: $0.name) }
        let enough = tensors.count / 2
        if count(named) > enough { return named }
        let moved = prefixes(of: tensors).map { prefix in
            tensors.map { tensor in prefix.applied(to: tensor.name).flatMap { same(tensor, as: $0) } }
        }
        if let moved, count(moved) > max(enough, count(named)) { return moved }
        let placed = inPlace(tensors)
        return count(placed) > count(named) ? placed : named
    }

    private func count(_ layers: [Layer?]) -> Int { layers.count { $0 != nil } }

    private func same(_ tensor: Tensor, as name: ExactText) -> Layer? {
        byTensor[Tensor(name: name, dtype: tensor.dtype, shape: tensor.shape)]
    }

    private func inPlace(_ tensors: [Tensor]) -> [Layer?] {
        var next: [Tensor.Kind: Int] = [:]
        return tensors.map { tensor in
            let place = next[tensor.kind, default: 0]
            next[tensor.kind] = place + 1
            guard let layers = byKind[tensor.kind], place < layers.count else { return nil }
            return layers[place]
        }
    }

    /// `model.` here is `language_model.model.` there.
    private struct Prefix: Hashable {
        let there: String
        let here: String

        func applied(to name: ExactText) -> ExactText? {
            guard name.string.utf8.starts(with: there.utf8) else { return nil }
            return ExactText(here + String(decoding: name.string.utf8.dropFirst(there.utf8.count), as: UTF8.self))
        }
    }

    /// Most names of a model begin alike: a few of them show how they differ from those here.
    private func prefixes(of tensors: [Tensor]) -> Prefix? {
        let ends = Dictionary(
            byTensor.keys.map { (TensorMatches.end(of: $0.name.string, parts: TensorMatches.telling), $0.name.string) },
            uniquingKeysWith: { first, _ in first })
        var seen: [Prefix: Int] = [:]
        for tensor in tensors.prefix(200) {
            let name = tensor.name.string
            let end = TensorMatches.end(of: name, parts: TensorMatches.telling)
            guard let other = ends[end], name.utf8.count > end.utf8.count || other.utf8.count > end.utf8.count else {
                continue
            }
            let common = TensorMatches.commonEnd(name, other)
            seen[Prefix(there: String(name.dropLast(common)), here: String(other.dropLast(common))), default: 0] += 1
        }
        return seen.max { ($0.value, $1.key.there) < ($1.value, $0.key.there) }?.key
    }

    /// `layers.0.mlp.up_proj.weight`: so many parts of a name say which tensor of a model it is.
    private static let telling = 5

    private static func end(of name: String, parts: Int) -> String {
        let bytes = name.utf8
        var left = parts
        var start = bytes.endIndex
        while start > bytes.startIndex {
            let before = bytes.index(before: start)
            if bytes[before] == UInt8(ascii: ".") {
                left -= 1
                if left == 0 { break }
            }
            start = before
        }
        return String(name[start...])
    }

    private static func commonEnd(_ one: String, _ other: String) -> Int {
        zip(one.reversed(), other.reversed()).prefix { $0 == $1 }.count
    }
}
