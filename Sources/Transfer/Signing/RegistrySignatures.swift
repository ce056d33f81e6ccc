internal import Model
internal import Platform
internal import Remote
internal import Store

/// The signatures that a registry keeps beside a model, and whether they let the model have its name here.
struct RegistrySignatures {
    let gate: SignatureGate
    let repository: RemoteRepository
    /// The model's manifest there.
    let subject: BlobName
    let store: LocalStore
    let progress: Progress

    /// Those that can be read. A model that has to be signed is compared with them before anything is downloaded, by the files
    /// that it is said to have; nil where these are not known yet. `manifest` is the
    /// model's own, of which signatures may be here.
    func find(
        _ name: ModelName, from place: String, _ files: [SignedComparison.Candidate]?, of manifest: Digest?
    ) async throws -> [FoundSignature] {
        let demands = gate.demands(on: name, from: place)
        var found: [FoundSignature] = []
        do {
            found = try await repository.signatures(of: subject).map { FoundSignature($0, at: .store) }
        } catch  where demands.isEmpty && !Task.isCancelled {
            // Nobody asked for them.
            return []
        }
        // A file of the model may be a signature, too, and is read when it is here.
        if let files, !demands.isEmpty, !files.contains(where: { FoundSignature.names.contains($0.path.string) }) {
            let known = try manifest.map { digest throws(CakeError) in try store.keptSignatures(of: digest) } ?? []
            try gate.foresee(demands, on: name.withoutRevision, files, by: found + known)
        }
        return found
    }

    /// Keeps the signatures, and verifies the model, which is here.
    func admit(
        _ name: ModelName, from place: String, _ manifest: Digest, with signatures: [FoundSignature],
        in operation: Operation
    ) async throws -> Admission {
        for signature in signatures {
            try store.keep(signature.bytes, of: manifest, by: signature.keptName, in: operation)
        }
        return try await gate.admit(name, from: place, manifest, in: store, progress: progress)
    }
}
