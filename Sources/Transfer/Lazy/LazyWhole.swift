internal import Model
internal import Platform
internal import Store
internal import Synchronization

/// Pulls a Hub's file whole when a program first reads it, and gives it when its hash was right.
final class LazyWhole: LazySource {
    private let hub: LazyHub
    private let listed: SnapshotFile
    private let options: Pull.Options
    private let isComing = Mutex(false)

    init(_ listed: SnapshotFile, of hub: LazyHub, _ options: Pull.Options) {
        (self.listed, self.hub) = (listed, hub)
        var options = options
        // The record of the name then says what is not here.
        options.complete = hub.snapshot.files
        self.options = options
    }

    var model: ModelName { hub.name }
    let bringsAll = true

    func want(_ range: Range<UInt64>, isUrgent: Bool, of file: LazyFile) {
        // A program that reads nothing downloads nothing.
        guard isUrgent else { return }
        let isFirst = isComing.withLock { isComing in
            defer { isComing = true }
            return !isComing
        }
        if isFirst { hub.shared.work.start { await self.pull(file) } }
    }

    private func pull(_ file: LazyFile) async {
        do {
            let store = hub.shared.store
            let pull = Pull(
                from: hub.source, into: store, progress: Progress("reading \(hub.name)"), options: options)
            let report = try await pull(hub.snapshot, [listed], as: hub.name) { _ in }
            hub.shared.fetched(report.bytesFetched)
            try hub.shared.operation.hold(manifest: report.manifest)
            guard let stored = try store.manifest(report.manifest).file(at: listed.path.string) else {
                throw CakeError(.notFound, "\(listed.path) was removed while it was read")
            }
            file.has(.layers(ArrivingLayers(stored, isHere: true)))
        } catch {
            // Before its readers get the error: one that comes later starts another pull.
            isComing.withLock { $0 = false }
            file.failed(LazyHub.words(error))
        }
    }
}
