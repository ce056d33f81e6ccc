internal import Model
internal import Platform
internal import Remote
internal import Store
internal import Synchronization

/// Brings the layers of a registry's model when a program reads them. Each is checked against its digest before any of
/// it is given.
final class LazyLayers: Sendable {
    private struct State {
        /// Wanted and not asked for yet: those that readers wait for first.
        var urgent: [Layer] = []
        var later: [Layer] = []
        var asked: Set<Digest> = []
        var here: Set<Digest> = []
        var isRunning = false
        var fetch: Task<Void, any Error>?
        var files: [(file: LazyFile, layers: ArrivingLayers)] = []
    }

    let name: ModelName
    let shared: LazyFiles
    private let pull: RegistryPull
    private let state = Mutex(State())

    /// Layers that no reader waits for come in steps of so many bytes: a reader that begins to wait is served after one step.
    private static let step: UInt64 = 64 << 20

    init(_ remote: RemoteArtifact, as name: ModelName, among shared: LazyFiles, _ options: RegistryPull.Options) {
        (self.name, self.shared) = (name, shared)
        var options = options
        options.remembers = false
        options.publishStep = LazyLayers.step / 2
        pull = RegistryPull(of: remote, into: shared.store, progress: Progress("reading \(name)"), options: options)
    }

    func add(_ file: LazyFile, _ layers: ArrivingLayers) {
        let now = state.withLock { state in
            var layers = layers
            layers.here = state.here
            state.files.append((file, layers))
            return layers
        }
        file.has(.layers(now))
    }

    func want(_ layers: some Sequence<Layer>, isUrgent: Bool) {
        let isFirst = state.withLock { state in
            for layer in layers where !state.here.contains(layer.digest) {
                guard state.asked.insert(layer.digest).inserted || isUrgent else { continue }
                if isUrgent { state.urgent.append(layer) } else { state.later.append(layer) }
            }
            guard !state.isRunning, !(state.urgent.isEmpty && state.later.isEmpty) else { return false }
            state.isRunning = true
            return true
        }
        if isFirst { shared.work.start { await self.run() } }
    }

    private func run() async {
        while let batch = next() {
            do {
                try await fetch(batch)
            } catch  where isLate(error) {
                // Others may wait for the rest.
                state.withLock { $0.urgent.insert(contentsOf: batch, at: 0) }
            } catch {
                let files = state.withLock { state in
                    (state.urgent, state.later, state.asked, state.isRunning) = ([], [], [], false)
                    return state.files
                }
                for (file, _) in files { file.failed(LazyHub.words(error)) }
                return
            }
        }
    }

    private func fetch(_ batch: [Layer]) async throws {
        let fetch = Task(executorPreference: shared.store.pool) { [self] in
            let brought = try await pull.fetch(batch, in: shared.operation, waiting: { _ in }) { self.came($0) }
            shared.fetched(brought.fetched)
        }
        state.withLock { $0.fetch = fetch }
        defer { state.withLock { $0.fetch = nil } }
        try await fetch.valueUnlessCancelled()
    }

    /// The fetch was ended for a reader that waited too long, and not with the mount.
    private func isLate(_ error: any Error) -> Bool { error is CancellationError && !Task.isCancelled }

    /// The bytes so far are kept, and the rest is asked for again.
    func giveUp() { state.withLock { $0.fetch }?.cancel() }

    private func next() -> [Layer]? {
        state.withLock { state in
            var batch: [Layer] = []
            var seen: Set<Digest> = []
            var bytes: UInt64 = 0
            func take(_ layers: inout [Layer]) {
                var taken = 0
                for layer in layers {
                    if bytes >= LazyLayers.step { break }
                    taken += 1
                    guard !state.here.contains(layer.digest), seen.insert(layer.digest).inserted else { continue }
                    batch.append(layer)
                    bytes += layer.size
                }
                layers.removeFirst(taken)
            }
            take(&state.urgent)
            if batch.isEmpty { take(&state.later) }
            if batch.isEmpty { state.isRunning = false }
            return batch.isEmpty ? nil : batch
        }
    }

    private func came(_ layers: Set<Digest>) {
        let files = state.withLock { state in
            state.here.formUnion(layers)
            for index in state.files.indices { state.files[index].layers.here.formUnion(layers) }
            return state.files
        }
        for (file, layers) in files { file.has(.layers(layers)) }
    }
}

/// A file of such a model.
final class LazyLayeredFile: LazySource {
    private let layers: LazyLayers
    private let segments: [Layer]
    private let extents: Extents
    private let file: Manifest.File
    private let isAdded = Atomic(false)

    init(_ file: Manifest.File, of layers: LazyLayers) {
        (self.file, self.layers) = (file, layers)
        segments = file.segments.map(\.layer).filter { $0.size > 0 }
        extents = Extents(segments.lazy.map(\.size))
    }

    var model: ModelName { layers.name }
    let bringsAll = false

    func want(_ range: Range<UInt64>, isUrgent: Bool, of lazy: LazyFile) {
        if isAdded.compareExchange(expected: false, desired: true, ordering: .relaxed).exchanged {
            layers.add(lazy, ArrivingLayers(file))
        }
        layers.want(extents.parts(of: range).map { segments[$0.index] }, isUrgent: isUrgent)
    }

    func isLate(at position: UInt64) { layers.giveUp() }
}
