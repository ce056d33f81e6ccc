internal import Model
internal import Platform
internal import Remote
internal import Store

/// Signatures that a registry keeps beside a model.
extension RegistryPull {
    /// Those that can be read. For a model that has to be signed, its files are compared with the signed ones before anything is
    /// downloaded.
    func signatures(as name: ModelName, from place: String) async throws -> [FoundSignature] {
        let demands = options.gate.demands(on: name, from: place)
        var found: [FoundSignature] = []
        do {
            found = try await remote.repository.signatures(of: remote.digest).map { FoundSignature($0, at: .store) }
        } catch  where demands.isEmpty && !Task.isCancelled {
            // Nobody asked for them.
            return []
        }
        guard !demands.isEmpty else { return found }
        let known = try store.foundSignatures(
            of: remote.model, SHA256.digest(of: ManifestText.encode(remote.model).span))
        let files = remote.model.files
        // A file of the model is a signature, too, and is read when it is here.
        guard files.allSatisfy({ !FoundSignature.names.contains($0.path.string) }) else { return found }
        try options.gate.foresee(
            demands, on: name.withoutRevision, files.map { SignedComparison.Candidate($0.path, $0.digest) },
            by: found + known)
        return found
    }

    func admit(_ name: ModelName, _ manifest: Digest, from place: String) async throws -> Admission {
        do {
            return try await options.gate.admit(name, from: place, manifest, in: store, progress: progress)
        } catch {
            try? store.retire(manifest)
            throw error
        }
    }
}
