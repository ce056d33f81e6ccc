import Model
import Remote

extension RemoveCommand {
    func removeRemote(in session: Session) async throws {
        var references: [RegistryReference] = []
        for name in names {
            let reference = try session.registryReference(name)
            if !references.contains(where: { $0.storeName == reference.storeName }) { references.append(reference) }
        }
        var removed: [RemoteRemoveSummary] = []
        for reference in references {
            let client = try session.registry(reference, for: "cake rm --remote", plainHTTP: plainHTTP)
            let reading = RemoteRepository(reference, client)
            let repository = RemoteRepository(reference, client, for: [.pull, .push, .delete])
            let digest = try await reading.manifest(reference.manifest).name
            if !isDryRun { try await remove(reference, digest, from: repository) }
            let summary = RemoteRemoveSummary(reference: reference, digest: digest, isDryRun: isDryRun)
            session.tell(summary)
            removed.append(summary)
        }
        if session.settings.isJSON { session.show(RemoteRemoveSummary.document(of: removed, isDryRun: isDryRun)) }
    }

    /// The tag alone where the registry can, else its manifest, which takes every tag of it along.
    private func remove(
        _ reference: RegistryReference, _ digest: BlobName, from repository: RemoteRepository
    ) async throws {
        if reference.digest == nil, try await repository.delete(reference.manifest) { return }
        if reference.digest == nil, !removesPinned {
            for tag in try await repository.tags() where tag.text != reference.tag {
                guard try await repository.manifest(.tag(tag)).name == digest else { continue }
                throw CakeError(
                    .failed, "\(reference.host) can only remove \(reference.storeName) together with its tag \(tag)",
                    fix: "--force removes both")
            }
        }
        guard try await repository.delete(.digest(digest)) else {
            throw CakeError(
                .failed, "\(reference.host) does not allow deletion",
                fix: "ask the operator of the registry to allow it")
        }
    }
}
