import Model
internal import Storage
import Store

/// The layers that are verified, and the models that need each.
struct VerifyScope: Sendable {
    private(set) var layers: [Layer] = []
    private var owners: [Digest: [String]] = [:]
    /// Models whose manifests cannot be read.
    private(set) var unreadable: [(name: ModelName, error: CakeError)] = []
    /// Models of which only some tensors are here.
    private(set) var partial: [LocalStore.Named] = []

    /// Of nothing.
    init() {}

    /// What the models need; of all that have names, it is everything that the store has, or a share of that.
    init(of models: [LocalStore.Named], in store: LocalStore, share: VerifiedShare?) throws(CakeError) {
        for one in models {
            let manifest: Manifest
            do {
                manifest = try store.manifest(one.record.manifest, anew: true)
            } catch {
                unreadable.append((one.name, error))
                continue
            }
            if one.record.isPartial { partial.append(one) }
            for layer in manifest.layers {
                if owners[layer.digest] == nil { layers.append(layer) }
                owners[layer.digest, default: []].append(one.name.description)
            }
        }
        if let share { layers = try store.everyLayer().filter { share.has($0.digest) } }
    }

    var bytes: UInt64 { layers.reduce(0) { $0.clampedSum($1.size) } }

    /// A damaged base hits the models of its deltas, too.
    func owners(through damages: [Damage]) -> [Digest: [String]] {
        var all = owners
        for damage in damages {
            guard let base = damage.base else { continue }
            let known = all[base.digest] ?? []
            all[base.digest] = known + (owners[damage.layer.digest] ?? []).filter { !known.contains($0) }
        }
        return all
    }
}
