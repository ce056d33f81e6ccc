internal import Model
internal import Platform
internal import Store

/// Every loaded model gets its name here, and nowhere else.
extension Load {
    private func source(of model: BundledModel) -> String { "bundle://\(model.name.string)" }

    private func advice(for name: ModelName) -> String {
        "cake mv \(name) OTHER keeps it under another name; or use --force"
    }

    /// Before anything is stored.
    func refuseTaken(_ model: BundledModel) throws(CakeError) {
        guard !options.replacesNames else { return }
        try store.refuseTaken(
            model.name,
            by: model.manifest.files.map { SnapshotFile(path: $0.path, size: $0.size, sha256: $0.digest) },
            from: source(of: model), fix: advice(for: model.name))
    }

    /// Before anything is stored.
    func refuseUnsigned(_ model: BundledModel) throws(CakeError) {
        let files = model.manifest.files
        // A file of the model may be a signature, too, and is read when it is here.
        guard !files.contains(where: { FoundSignature.names.contains($0.path.string) }) else { return }
        let known = try store.foundSignatures(of: model.manifest, model.digest)
        try options.gate.foresee(
            options.gate.demands(on: model.name, from: nil), on: model.name.withoutRevision,
            files.map { SignedComparison.Candidate($0.path, $0.digest) },
            by: model.signatures.map { FoundSignature($0, at: .store) } + known)
    }

    /// All layers of the model are here, and held.
    func name(_ model: BundledModel, in operation: Operation) async throws -> Loaded {
        let digest = try store.save(model.manifest, in: operation, isClaim: true)
        guard digest == model.digest else {
            throw CakeError(
                .damaged, "the manifest of \(model.name) is not in cake's form", fix: "save the model again")
        }
        for signature in model.signatures {
            let found = FoundSignature(signature, at: .store)
            try store.keep(signature, of: digest, by: found.keptName, in: operation)
        }
        let source = source(of: model)
        let admission = try await options.gate.admit(model.name, from: nil, digest, in: store, progress: progress)
        let pointed = try store.point(model.name, to: digest, from: ModelOrigin(source), by: admission, in: operation) {
            old throws(CakeError) in
            guard !options.replacesNames else { return }
            try store.refuseTaken(model.name, old, by: digest, from: source, fix: advice(for: model.name))
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
            throw CakeError(.locked, "another cake changed \(model.name) meanwhile", fix: "run it again")
        }
        return Loaded(
            name: model.name, manifest: digest, files: model.manifest.files.count, bytes: model.manifest.size,
            layers: model.manifest.layers.count, signatures: model.signatures.count,
            replaced: before.flatMap { $0.manifest == digest ? nil : $0.manifest })
    }
}
