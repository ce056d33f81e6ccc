internal import Model
internal import Platform
internal import Store

extension Save {
    /// Plans the packs, hashes them, and makes manifests and indexes. Every object is decoded and compared with its layer.
    func read(in operation: Operation?) async throws -> BundleContents {
        progress.begin("reading \(models.count == 1 ? "\(models[0].name)" : "\(models.count) models")")
        var bundle = BundleContents()
        var earlier: [PackIndex] = []
        var made: [ModelName: (index: PackIndex, needs: LayerList)] = [:]
        for model in try basesFirst() {
            let layers = model.manifest.layers.filter { $0.size > 0 }
            let layout = try layout(of: layers.filter { !there.contains($0) }, model.manifest, earlier)
            let objects = try await sideBySide(
                layout.plan.new.count, atOnce: BlockingPool.processors, on: store.pool
            ) { number in
                let objects = try await PackedObjects(layout.plan.new[number], layout, from: store, in: operation)
                progress.expect(bytes: 2 * objects.size)
                let (pack, members) = try objects.hashed()
                progress.did(bytes: objects.size)
                return (objects, pack, members)
            }
            var builder = PackBuilder(layout.plan)
            for (objects, pack, members) in objects {
                builder.add(pack, members)
                // Packs of the same bytes are one.
                guard !bundle.large.contains(where: { $0.digest == pack.digest }) else { continue }
                bundle.large.append(BundleContents.Large(digest: pack.digest, content: .pack(objects)))
                bundle.layers += members.count
                bundle.layersRecoded += objects.recoded
            }
            let index = try builder.index(besides: there)
            earlier.append(index)
            made[model.name] = (index, needs(of: layers, index))
        }
        let names = BundleIndex.names(of: models.map(\.name))
        for (model, names) in zip(models, names) {
            guard let (index, needs) = made[model.name] else { continue }
            let text = ManifestText.encode(model.manifest)
            let config = bundle.add(store.config(of: model.manifest, called: model.digest))
            let artifact = ModelArtifact(
                config: config, manifest: bundle.add(text), index: bundle.add(index.encoded), packs: index.packs,
                needs: needs.isEmpty ? nil : bundle.add(needs.encoded), annotations: model.annotations)
            let (digest, size) = bundle.add(artifact.encoded)
            bundle.entries.append(
                BundleIndex.Entry(
                    name: BlobName(digest), size: size, mediaType: RegistryManifest.image,
                    artifactType: needs.isEmpty ? ModelArtifact.artifactType : ModelArtifact.partType,
                    reference: names.reference, imageName: names.imageName))
            try addSignatures(
                of: model, Descriptor(mediaType: RegistryManifest.image, name: BlobName(digest), size: size),
                to: &bundle)
        }
        return bundle
    }

    /// As a registry keeps them: manifests that refer to the model's.
    private func addSignatures(
        of model: Model, _ subject: Descriptor, to bundle: inout BundleContents
    ) throws(CakeError) {
        for kept in try store.signatures(of: model.digest) {
            let config = BlobName(bundle.add(SignatureArtifact.config).0)
            let (digest, size) = bundle.add(try store.bytes(of: kept))
            let manifest = bundle.add(
                SignatureArtifact.encode(
                    bundle: SignatureArtifact.bundle(BlobName(digest), size: Int(size)), config: config,
                    subject: subject))
            bundle.entries.append(
                BundleIndex.Entry(
                    name: BlobName(manifest.0), size: manifest.1, mediaType: RegistryManifest.image,
                    artifactType: SignatureBundle.mediaType, reference: nil, imageName: nil))
        }
    }

    /// What the reader has to have: the model's layers that are left out, and bases that are.
    private func needs(of layers: [Layer], _ index: PackIndex) -> LayerList {
        var needs = layers.filter { there.contains($0) }
        for member in index.members {
            if let base = member.base, index[base] == nil { needs.append(Layer(digest: base, size: member.layer.size)) }
        }
        return LayerList(needs)
    }

    /// As a push lays it out, beside the packs of models that were laid out before.
    private func layout(
        of layers: [Layer], _ manifest: Manifest, _ earlier: [PackIndex]
    ) throws(CakeError) -> Push.Layout {
        let kinds = manifest.kinds
        let apart = Set(layers.lazy.map(\.digest).filter { kinds[$0] == nil })
        func plan(_ bases: [Layer]) -> PackPlan {
            PackPlan(layers, bases: bases, earlier: earlier, apart: apart, besides: there)
        }
        let first = plan([])
        var objects: [Digest: Push.Object] = [:]
        func look(_ plan: PackPlan) throws(CakeError) {
            for layer in plan.new.joined() where objects[layer.digest] == nil {
                let stored = try store.stored(layer)
                objects[layer.digest] = Push.Object(length: stored.bytes.count, base: stored.base)
            }
        }
        try look(first)
        let bases = first.new.joined().bases { objects[$0]?.base }.filter { !there.contains($0) }
        let plan = bases.isEmpty ? first : plan(bases)
        try look(plan)
        let sizes = Dictionary(layers.map { ($0.digest, $0.size) }, uniquingKeysWith: { first, _ in first })
        let recoded = plan.deltasWithoutBase { objects[$0]?.base }.filter { delta in
            guard let base = objects[delta]?.base else { return false }
            return there.size(of: base) != sizes[delta]
        }
        return Push.Layout(plan: plan, recoded: recoded, objects: objects, kinds: kinds)
    }

    /// A model after those that have the bases of its deltas, as far as possible, else in the order of the names.
    private func basesFirst() throws(CakeError) -> [Model] {
        guard models.count > 1 else { return models }
        var left: [(model: Model, own: Set<Digest>, outside: Set<Digest>)] = []
        for model in models {
            let layers = model.manifest.layers.filter { $0.size > 0 }
            let own = Set(layers.lazy.map(\.digest))
            var outside: Set<Digest> = []
            for layer in layers where !there.contains(layer) {
                if let base = try store.base(of: layer), !own.contains(base) { outside.insert(base) }
            }
            left.append((model, own, outside))
        }
        var placed = Set(there.layers.lazy.map(\.digest))
        // Bases that no model here has come from nowhere.
        let all = left.reduce(into: Set<Digest>()) { $0.formUnion($1.own) }
        var sorted: [Model] = []
        while !left.isEmpty {
            let next =
                left.firstIndex { $0.outside.allSatisfy { placed.contains($0) || !all.contains($0) } } ?? 0
            let one = left.remove(at: next)
            placed.formUnion(one.own)
            sorted.append(one.model)
        }
        return sorted
    }
}
