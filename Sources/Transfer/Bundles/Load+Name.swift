internal import Model
internal import Platform
internal import Store

/// Every loaded model gets its name here, and nowhere else.
extension Load {
    private func source(of name: ModelName) -> String { "bundle://\(name.string)" }

    private func advice(for name: ModelName) -> String {
        "cake mv \(name) OTHER keeps it under another name; or use --force"
    }

    /// Before anything is stored.
    func refuseTaken(_ name: ModelName, by files: [SnapshotFile]) throws(CakeError) {
        guard !options.replacesNames else { return }
        try store.refuseTaken(name, by: files, from: source(of: name), fix: advice(for: name))
    }

    /// Before anything is stored. `known` are signatures that the store has.
    func refuseUnsigned(
        _ name: ModelName, _ files: [SnapshotFile], by signatures: [[UInt8]], known: [FoundSignature] = []
    ) throws(CakeError) {
        // A file of the model may be a signature, too, and is read when it is here.
        guard !files.contains(where: { FoundSignature.names.contains($0.path.string) }) else { return }
        try options.gate.foresee(
            options.gate.demands(on: name, from: nil), on: name.withoutRevision,
            files.map { SignedComparison.Candidate($0.path, $0.sha256) },
            by: signatures.map { FoundSignature($0, at: .store) } + known)
    }

    /// All layers of the model are here, and held.
    func name(_ model: BundledModel, in operation: Operation) async throws -> Loaded {
        let digest = try store.save(model.manifest, in: operation, isClaim: true)
        guard digest == model.digest else {
            throw CakeError(
                .damaged, "the manifest of \(model.name) is not in cake's form", fix: "save the model again")
        }
        return try await point(
            model.name, to: model.manifest, digest, signatures: model.signatures,
            from: ModelOrigin(source(of: model.name)), in: operation)
    }

    /// The same of a model in another tool's shape. Its files were read and hashed.
    func name(_ model: ForeignBundledModel, _ manifest: Manifest, in operation: Operation) async throws -> Loaded {
        try await point(
            model.name, to: manifest, try store.save(manifest, in: operation), signatures: model.signatures,
            from: ModelOrigin(source(of: model.name), commit: model.digest.hex, shape: model.model.shape), in: operation
        )
    }

    private func point(
        _ name: ModelName, to manifest: Manifest, _ digest: Digest, signatures: [[UInt8]], from origin: ModelOrigin,
        in operation: Operation
    ) async throws -> Loaded {
        for signature in signatures {
            let found = FoundSignature(signature, at: .store)
            try store.keep(signature, of: digest, by: found.keptName, in: operation)
        }
        let admission = try await options.gate.admit(name, from: nil, digest, in: store, progress: progress)
        let pointed = try store.point(name, to: digest, from: origin, by: admission, in: operation) {
            old throws(CakeError) in
            guard !options.replacesNames else { return }
            try store.refuseTaken(name, old, by: digest, from: origin.source, fix: advice(for: name))
        } _: { record, old in
            if let old, old.manifest == digest {
                // Loaded again: where it first came from is still right.
                let time = record.time
                record = old
                (record.time, record.mark) = (time, nil)
                return
            }
            (record.mark, record.missing, record.proved, record.etags) = (nil, [], [:], [:])
            record.missingFiles = nil
        }
        guard case .done(let before) = pointed else {
            throw CakeError(.locked, "another cake changed \(name) meanwhile", fix: "run it again")
        }
        return Loaded(
            name: name, manifest: digest, files: manifest.files.count, bytes: manifest.size,
            layers: manifest.layers.count, signatures: signatures.count, shape: origin.shape,
            replaced: before.flatMap { $0.manifest == digest ? nil : $0.manifest })
    }
}
