internal import Model
internal import Platform
internal import Remote
internal import Store

/// A file to be downloaded, with known cuts and reserved space.
struct OpenedFile: Sendable {
    let wanted: WantedFile
    let segmentation: Segmentation
    let bytes: FetchingFile.Bytes
    /// Where to ask for its bytes; nil for a copy.
    let remote: (any RemoteFile)?
    /// The cost of finding the cuts.
    var fetchedForHeader: UInt64 = 0

    /// Assumptions need a published SHA-256, and only a file that can be downloaded in ranges gains by them.
    var canBeChecked: Bool { remote.map { !$0.comesWhole } == true && wanted.listed.sha256 != nil }

    func hasUnknownTensors(_ known: Evidence) -> Bool {
        segmentation.cuts.indices.contains { known[$0] == .unknown && segmentation.cuts[$0].tensor != nil }
    }
}

/// Opening files for the download.
extension PullWork {
    /// Where the bytes of a file are, or will be.
    enum Hold: Sendable {
        case copy(File)
        case parts(Parts)
    }

    /// Reads every header that is needed to know the layers. Files that another cake stored during a wait are taken
    /// from the store.
    func open(
        _ files: [WantedFile], _ waiting: @escaping @Sendable (FilePath) -> Void, _ outcome: inout Brought
    ) async throws -> [OpenedFile] {
        let places = try await places(of: files, waiting)
        // After a wait for one file, all of them may be here.
        let waited = places.contains { $0.waited } ? files.map(\.listed) : []
        let again = try Inventory(waited, store: store, operation: operation, options)
        let known = Dictionary(again.known.map { ($0.path, $0) }, uniquingKeysWith: { $1 })
        var left: [(wanted: WantedFile, place: Hold)] = []
        for (file, place) in zip(files, places) {
            if let found = known[file.listed.path] {
                outcome.verified.append((file.listed, found))
                outcome.saved[.knownFile, default: 0] += found.size
                progress.had(bytes: found.size)
                progress.finished()
                if case .parts(let parts) = place.place { try parts.remove() }
            } else {
                left.append((file, place.place))
            }
        }
        var opened: [OpenedFile] = []
        let wanted = left
        try await inOrder(wanted.count, atOnce: ConnectionCount.atFirst, on: store.pool) { number in
            try await open(wanted[number].wanted, wanted[number].place)
        } take: { _, file in
            opened.append(file)
        }
        return opened
    }

    func open(_ wanted: WantedFile, _ place: Hold) async throws -> OpenedFile {
        let listed = wanted.listed
        switch place {
        case .copy(let copy):
            let segmentation = try Segmentation(of: copy, path: listed.path, size: listed.size, isLenient: true)
            return OpenedFile(wanted: wanted, segmentation: segmentation, bytes: .copy(copy), remote: nil)
        case .parts(let parts):
            // A file that was wrong once comes from the publisher next.
            let isDoubted = wanted.failures + wanted.contradictions > 0 || peer?.isWrong == true
            let remote = origin.file(listed, isDoubted: isDoubted)
            let before = parts.bytes
            let segmentation: Segmentation
            if let known = wanted.known {
                segmentation = Segmentation(known)
            } else {
                segmentation = try await HeaderFetch(listed, remote, parts)()
            }
            return OpenedFile(
                wanted: wanted, segmentation: segmentation, bytes: .parts(parts, remote), remote: remote,
                fetchedForHeader: parts.bytes - before)
        }
    }

    /// The bytes to download, by all knowledge about the files.
    func plan(for files: [OpenedFile], _ outcome: inout Brought) async throws -> Plan {
        var evidence = files.map { file in
            file.wanted.known.map { Evidence($0) } ?? Evidence(cuts: file.segmentation.cuts.count)
        }
        outcome.bytesFetched += try await learnSketches(of: files, knowing: evidence)
        let candidates = try candidates(for: files, knowing: evidence)
        for prover in provers {
            let found = try await prover.evidence(for: files, knowing: evidence, among: candidates)
            for (number, more) in found.evidence.enumerated() { evidence[number].add(more) }
            outcome.bytesFetched += found.bytesFetched
        }
        try await bringLayers(for: files, &evidence, &outcome)
        let here = try operation.hold(evidence.flatMap(\.layers))
        let avoided = files.reduce(into: Set<Digest>()) { $0.formUnion($1.wanted.avoided) }
        return Plan(files.map(\.segmentation), evidence) { here.contains($0) && !avoided.contains($0) }
    }

    private func candidates(for files: [OpenedFile], knowing known: [Evidence]) throws -> Candidates {
        guard !provers.isEmpty, zip(files, known).contains(where: { $0.canBeChecked && $0.hasUnknownTensors($1) })
        else {
            return .none(for: files)
        }
        return try bases.candidates(for: files.map(\.segmentation))
    }

    /// Folders of parts are taken in the order of their keys: two pulls never wait for each other.
    private func places(
        of files: [WantedFile], _ waiting: @Sendable (FilePath) -> Void
    ) async throws -> [(place: Hold, waited: Bool)] {
        var places: [Int: (place: Hold, waited: Bool)] = [:]
        let keys = files.map { origin.partsKey(of: $0.listed) }
        for number in files.indices.sorted(by: { keys[$0].hex < keys[$1].hex }) {
            let file = files[number]
            if file.mayCopy, let copy = origin.copy(of: file.listed, in: options.caches) {
                places[number] = (.copy(copy), false)
                continue
            }
            var waited = false
            let parts = try await Parts.take(store, key: keys[number], for: options.note) {
                waited = true
                waiting(file.listed.path)
            }
            places[number] = (.parts(parts), waited)
        }
        return files.indices.compactMap { places[$0] }
    }
}
