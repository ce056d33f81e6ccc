internal import Model
internal import Remote
internal import Store

/// A pull of a model that has to be signed.
extension Pull {
    /// The signatures that the repository ships. Before anything is downloaded, the digests that the Hub lists are compared with
    /// the signed ones.
    func shippedSignatures(of snapshot: Snapshot, as name: ModelName) async throws -> [FoundSignature] {
        let demands = options.gate.demands(on: name, from: snapshot.repository.description)
        guard !demands.isEmpty else { return [] }
        var found: [FoundSignature] = []
        for path in FoundSignature.names {
            guard let file = snapshot.files.first(where: { $0.path.string == path }) else { continue }
            let bytes = try await source.bytes(of: file, in: snapshot, limit: SignatureBundle.maximumSize)
            found.append(FoundSignature(bytes, at: .model(file.path)))
        }
        // One that was made here is found when the manifest is known.
        if found.isEmpty, try store.record(of: name)?.commit == snapshot.commit { return [] }
        try options.gate.foresee(demands, on: name.withoutRevision, listed(snapshot), by: found)
        return found
    }

    func admit(
        _ name: ModelName, _ manifest: Digest, of snapshot: Snapshot, _ shipped: [FoundSignature]
    ) async throws -> Admission {
        try await options.gate.admit(
            name, from: snapshot.repository.description, manifest, beside: listed(snapshot), shipped: shipped,
            in: store,
            progress: progress)
    }

    private func listed(_ snapshot: Snapshot) -> [SignedComparison.Candidate] {
        snapshot.files.map { SignedComparison.Candidate($0.path, $0.sha256) }
    }
}
