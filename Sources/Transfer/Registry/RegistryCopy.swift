public import Model
public import Platform
public import Remote

/// Copies anything under a name in one registry to another. Blobs that are there are not sent, those of the same
/// registry are mounted, and the others pass through without being stored.
public struct RegistryCopy: Sendable {
    public struct Report: Sendable {
        public internal(set) var digest: BlobName
        public internal(set) var blobs = 0
        public internal(set) var blobsSent = 0
        public internal(set) var blobsMounted = 0
        public internal(set) var bytes: UInt64 = 0
        public internal(set) var bytesSent: UInt64 = 0
        /// The digest of the tag before, if it was another.
        public internal(set) var replaced: BlobName?
        /// The tag was there, and meant the same.
        public internal(set) var isSame = false
    }

    let source: RemoteRepository
    let target: RemoteRepository
    let progress: Progress
    let pool: BlockingPool
    public var isDryRun = false
    private let throttle: Throttle?

    private static let atOnce = 4
    /// Indexes may list indexes.
    private static let deepest = 4

    public init(
        from source: RemoteRepository, to target: RemoteRepository, bytesPerSecond: UInt64? = nil,
        on pool: BlockingPool, progress: Progress
    ) {
        throttle = bytesPerSecond.map { Throttle(bytesPerSecond: $0) }
        self.source = source
        self.target = target
        self.pool = pool
        self.progress = progress
    }

    public func callAsFunction(_ name: ManifestName, as wanted: ManifestName) async throws -> Report {
        var seen = Seen()
        return try await copy(name, as: wanted, depth: 0, &seen)
    }

    /// Manifests that were seen in lists of manifests.
    private struct Seen {
        var names: Set<BlobName> = []
        var total = ByteTotal()
    }

    private func copy(
        _ name: ManifestName, as wanted: ManifestName, depth: Int, _ seen: inout Seen
    ) async throws -> Report {
        let kept = try await source.manifest(name)
        var report = Report(digest: kept.name)
        let manifest = try RegistryManifest(parsing: kept.bytes.span)
        for listed in manifest.manifests where seen.names.insert(listed.name).inserted {
            guard depth < RegistryCopy.deepest else {
                throw CakeError(.damaged, "\(source.words(name)) nests lists too deeply")
            }
            let inner = ManifestName.digest(listed.name)
            report.add(try await copy(inner, as: inner, depth: depth + 1, &seen))
        }
        let blobs = manifest.needed.filter { seen.names.insert($0.name).inserted }
        for blob in blobs { try seen.total.add(blob.size, of: "blob \(blob.name.short)") }
        progress.expect(bytes: blobs.reduce(0) { $0 + $1.size }, items: UInt64(blobs.count))
        let outcomes = try await sideBySide(blobs.count, atOnce: RegistryCopy.atOnce, on: pool) { index in
            let outcome = try await bring(blobs[index])
            if outcome != .sent {
                progress.had(bytes: blobs[index].size)
            }
            progress.finished()
            return outcome
        }
        for (blob, outcome) in zip(blobs, outcomes) {
            report.blobs += 1
            report.bytes += blob.size
            switch outcome {
            case .wasThere: break
            case .mounted: report.blobsMounted += 1
            case .sent:
                report.blobsSent += 1
                report.bytesSent += blob.size
            }
        }
        // As in docker, a tag of another manifest moves.
        if case .tag = wanted, let before = try await target.digest(of: wanted) {
            report.isSame = before == kept.name
            report.replaced = report.isSame ? nil : before
        }
        if !isDryRun {
            try await copySignatures(of: kept, isThere: report.isSame, depth: depth, &seen)
            if !report.isSame { try await target.put(kept, as: wanted) }
        }
        return report
    }

    /// Before the tag moves: a registry may require them of a tag.
    private func copySignatures(
        of kept: RemoteRepository.Kept, isThere: Bool, depth: Int, _ seen: inout Seen
    ) async throws {
        let names = try await source.signatureManifests(of: kept.name).filter { seen.names.insert($0).inserted }
        guard !names.isEmpty, depth < RegistryCopy.deepest else { return }
        let there = Set(try await target.signatureManifests(of: kept.name))
        if !isThere { try await target.put(kept, as: .digest(kept.name)) }
        for name in names where !there.contains(name) {
            let signature = try await source.manifest(.digest(name))
            for blob in try RegistryManifest(parsing: signature.bytes.span).needed { _ = try await bring(blob) }
            try await target.put(referrer: signature, to: kept.name)
        }
    }

    private func bring(_ blob: Descriptor) async throws -> RemoteRepository.Copied {
        if isDryRun { return try await target.has(blob.name, size: blob.size) ? .wasThere : .sent }
        let isNeighbour = source.client.routes.isSame(as: target.client.routes) && source.name != target.name
        let remote = RemoteBlob(blob.name, size: blob.size, in: source)
        let body = UploadBody(name: blob.name, size: blob.size) { range, sender in
            _ = try await remote.bring(range) { chunk, bytes in
                try await sender.wait(for: throttle, bytes.count)
                var start = 0
                while start < bytes.count {
                    let own = sender.take()
                    start += chunk.withBytes { own.append($0.extracting(start..<bytes.count)) }
                    try await sender.send(own)
                }
                sender.count(bytes.count, in: progress)
            }
        }
        return try await target.copyBlob(body, from: isNeighbour ? source.name : nil)
    }
}

extension RegistryCopy.Report {
    fileprivate mutating func add(_ other: RegistryCopy.Report) {
        blobs += other.blobs
        blobsSent += other.blobsSent
        blobsMounted += other.blobsMounted
        bytes += other.bytes
        bytesSent += other.bytesSent
    }
}
