internal import Model
internal import Platform
internal import Storage
internal import Transfer

/// Models that are pushed under names for which the operator's settings require a signature.
extension Answers {
    /// Refuses to give a tag to what is not signed. A client pushes the manifest by its digest, then the signature that refers to
    /// it, and then the tag, as `cake push` does.
    func refuseUnsigned(_ manifest: RegistryManifest, _ name: BlobName, in repository: RepositoryName) throws {
        let demands = settings.gate.demands(onPushed: repository.text)
        guard !demands.isEmpty, manifest.artifactKind != SignatureBundle.mediaType else { return }
        func deny(_ why: String) -> RegistryError {
            RegistryError(403, .denied, "models of \(repository) have to be signed: \(why)", detail: name.description)
        }
        guard manifest.artifactType == ModelArtifact.artifactType else {
            throw deny("this server verifies models that cake push sends, and no other artifacts")
        }
        let artifact = try ModelArtifact(manifest)
        // Blobs that are missing are refused by name later.
        guard let files = try registry.files(of: artifact, in: repository) else { return }
        let signatures = try registry.signatures(of: name, in: repository).map { FoundSignature($0, at: .store) }
        do {
            try settings.gate.foresee(
                demands, on: repository.text, files.map { SignedComparison.Candidate($0.path, $0.digest) },
                by: signatures)
            try registry.verifyFiles(of: artifact, in: repository)
        } catch let error as CakeError where error.kind == .notFound {
            throw deny("sign it with cake sign NAME --key KEY, and push it again")
        } catch let error as CakeError where error.kind == .damaged {
            throw deny(error.what)
        }
    }
}
