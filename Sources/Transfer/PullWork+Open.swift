internal import Model
internal import Platform
internal import Store

/// Taking hold of what is to be brought.
extension PullWork {
    private enum Place: Sendable {
        case copy(File)
        case parts(Parts)
    }

    /// Reads every header that is needed to know the layers. What another cake brought while this one waited for it is
    /// taken from the store.
    func open(
        _ files: [SnapshotFile], _ skippingCopies: Bool, _ waiting: @escaping @Sendable (FilePath) -> Void,
        _ outcome: inout Outcome, onWhole: @escaping @Sendable (Int, Int) -> Void
    ) async throws -> [RemoteFile] {
        var places = try await places(of: files, skippingCopies, waiting)
        // Who waited for one file may find all of them brought.
        let waited = places.contains { $0.waited } ? files : []
        let again = try PullPlan(waited, store: store, operation: operation, options)
        let known = Dictionary(again.known.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
        var left: [(listed: SnapshotFile, place: Place)] = []
        for (file, place) in zip(files, places) {
            if let found = known[file.path] {
                outcome.verified.append((file, found))
                outcome.saved[.knownFile, default: 0] += file.size
                progress.did(bytes: file.size)
                progress.knew(bytes: file.size)
                progress.finished()
                if case .parts(let parts) = place.place { try parts.remove() }
            } else {
                left.append((file, place.place))
            }
        }
        places = []
        var opened: [RemoteFile] = []
        let wanted = left
        try await inOrder(wanted.count, atOnce: ConnectionCount.atFirst, on: store.pool) { number in
            try await open(number, wanted[number].listed, wanted[number].place) { onWhole(number, $0) }
        } take: { _, file in
            opened.append(file)
        }
        return opened
    }

    private func open(
        _ number: Int, _ listed: SnapshotFile, _ place: Place, onWhole: @escaping @Sendable (Int) -> Void
    ) async throws -> RemoteFile {
        switch place {
        case .copy(let copy):
            let segmentation = try Segmentation(of: copy, path: listed.path, size: listed.size, isLenient: true)
            return RemoteFile(number, listed, segmentation, .copy(copy), bytesHere: listed.size, onWhole: onWhole)
        case .parts(let parts):
            let before = parts.runs.reduce(0) { $0 + UInt64($1.clamped(to: 0..<listed.size).count) }
            let remote = HubFile(listed, in: snapshot, from: source)
            let segmentation = try await HeaderFetch(remote, parts)()
            return RemoteFile(number, listed, segmentation, .parts(parts, remote), bytesHere: before, onWhole: onWhole)
        }
    }

    /// Folders of parts are taken in the order of their keys, so that two pulls never wait for each other.
    private func places(
        of files: [SnapshotFile], _ skippingCopies: Bool, _ waiting: @Sendable (FilePath) -> Void
    ) async throws -> [(place: Place, waited: Bool)] {
        let caches = skippingCopies ? [] : options.caches
        var places: [Int: (place: Place, waited: Bool)] = [:]
        let keys = files.map { PartsKey.of($0, in: snapshot) }
        for number in files.indices.sorted(by: { keys[$0].hex < keys[$1].hex }) {
            if let copy = CachedBlob.find(files[number], in: caches, of: snapshot.repository) {
                places[number] = (.copy(copy), false)
                continue
            }
            var waited = false
            let parts = try await Parts.take(store, key: keys[number]) {
                waited = true
                waiting(files[number].path)
            }
            places[number] = (.parts(parts), waited)
        }
        return files.indices.compactMap { places[$0] }
    }
}
