public import Model
internal import Platform

extension LocalStore {
    /// Layers of these models that are here or below, and the bases of their deltas: another store may rely on them as long as
    /// the names stay.
    public func layersHad(by models: [Named]) throws(CakeError) -> LayerList {
        var seen: Set<Digest> = []
        var had: [Layer] = []
        for model in models {
            // One that cannot be read relies on nothing here.
            guard let manifest = try? manifest(model.record.manifest) else { continue }
            for layer in manifest.layers where layer.size > 0 && seen.insert(layer.digest).inserted {
                guard try contains(layer) else { continue }
                had.append(layer)
                for store in [self] + lower where try store.holds(layer) {
                    if let base = try store.base(of: layer), seen.insert(base).inserted {
                        had.append(Layer(digest: base, size: layer.size))
                    }
                    break
                }
            }
        }
        return LayerList(had)
    }
}
