internal import Model
public import Platform
internal import Store
internal import Synchronization

/// Finds the digests that views of models need, one model at a time: of models that are here when the server starts, and of those
/// that arrive.
public final class ViewMaking: Sendable {
    private struct State {
        var isWorking = false
        /// The last names for which everything was made.
        var done: UInt64?
        /// Not tried again by this server.
        var failed: Set<KnownViews.Key> = []
    }

    private let registry: RegistryStore
    private let work: BackgroundWork
    private let state = Mutex(State())

    public init(_ registry: RegistryStore, on pool: BlockingPool) {
        self.registry = registry
        work = BackgroundWork("digests of views", on: pool)
    }

    /// To be called now and then.
    public func look() {
        guard !registry.views.settings.isEmpty, registry.isWritable else { return }
        let isNew = state.withLock { state -> Bool in
            defer { state.isWorking = true }
            return !state.isWorking
        }
        guard isNew else { return }
        work.start {
            await self.make()
            self.state.withLock { $0.isWorking = false }
        }
    }

    /// Returns when everything that is here now was made.
    public func settle() async {
        await work.settle()
        look()
        await work.settle()
    }

    public func stop() async { await work.cancel() }

    private func make() async {
        let number = registry.shownModels.number
        guard state.withLock({ $0.done != number }) else { return }
        for served in registry.shown {
            for view in registry.views.settings.all {
                if Task.isCancelled { return }
                await make(served, as: view.shape)
            }
        }
        state.withLock { $0.done = number }
    }

    private func make(_ served: RegistryStore.Served, as shape: WrittenShape) async {
        let key = KnownViews.Key(served.named, shape)
        guard state.withLock({ !$0.failed.contains(key) }) else { return }
        do {
            if try registry.view(of: served, as: shape) != nil { return }
            let operation = try Operation(registry.store)
            try operation.hold(manifest: served.named.record.manifest)
            defer { withExtendedLifetime(operation) {} }
            let shaped = try await registry.store.shaped(served.named, as: shape)
            // Shown also where the disk had no room for the digests.
            registry.views.made[key] = RegistryStore.View(shaped, of: served.named.record.manifest)
        } catch is CancellationError {
        } catch {
            state.withLock { _ = $0.failed.insert(key) }
        }
    }
}
