internal import Model
internal import Platform
internal import Storage
internal import Store

/// Over another storage the store is where downloads are made: what is whole goes into the storage, for all servers.
extension Mirror {
    /// A failure changes nothing for clients: the model stays in the work store until it is published.
    func publish(_ name: ModelName, complete: [SnapshotFile]?, of repository: HubRepository?) async {
        await publishing.alone(name) {
            do {
                let done = try await models.registry.publish(name, complete: complete) { [closed] in
                    repository.flatMap { closed[$0] }
                }
                if let done {
                    models.publish(done.manifest, as: done.brought)
                    // It may have got another file meanwhile, whose download publishes it again.
                    try? models.registry.forget(name, at: done.manifest)
                    collectWork()
                }
                if publishing.succeeds() { settings.says("downloads are in the storage again") }
            } catch {
                publishing.later(name, complete)
                guard publishing.fails() else { return }
                let why = (error as? CakeError)?.what ?? "\(error)"
                settings.says("downloads stay on this server until the storage takes them: \(why)")
            }
        }
    }

    /// To be called now and then.
    func publishLater() {
        if models.isDistant, publishing.mayTidy() {
            publishing.tasks.start { try? self.models.registry.expireBrought(.seconds(24 * 3600)) }
        }
        for (name, complete) in publishing.takeDue() {
            publishing.tasks.start {
                let record = try? self.store.record(of: name)
                let repository = record.flatMap { try? HubRepository(of: name, from: $0.source) }
                await self.publish(name, complete: complete, of: repository)
            }
        }
    }

    /// What no name leads to any more goes, except downloads that may go on.
    private func collectWork() {
        guard publishing.mayCollect() else { return }
        defer { publishing.hasCollected() }
        _ = try? store.collect(grace: LocalStore.usualGrace, isDryRun: false, evenIfNothingIsNamed: true)
    }
}
