internal import Model
internal import Platform
internal import Remote
internal import Store

/// Downloads the header of a file into the file's parts, like all other bytes.
struct HeaderFetch: Sendable {
    private let listed: SnapshotFile
    private let file: any RemoteFile
    private let parts: Parts

    init(_ listed: SnapshotFile, _ file: any RemoteFile, _ parts: Parts) {
        (self.listed, self.file, self.parts) = (listed, file, parts)
    }

    func callAsFunction() async throws -> Segmentation {
        guard Segmentation.hasHeader(listed.path) else {
            // The first request for a file with cuts is small: for its address, once, and to see whether the server
            // supports ranges.
            if listed.size > 2 * SpanQueue.shortest { try await bring(upTo: HeaderReader.firstGuess) }
            return Segmentation(plain: listed.size)
        }
        return try await Segmentation.cuts(of: listed) { range in
            try await bring(upTo: range.upperBound)
            return try parts.plain(range).all()
        }.segmentation
    }

    private func bring(upTo end: UInt64) async throws {
        let here = parts.runs.end(from: 0)
        guard here < end else { return }
        _ = try await file.bring(here..<end, into: parts, at: here) { _ in }
    }
}

/// A copy of a file in the cache of huggingface_hub, by its content's name there.
enum CachedBlob {
    static func find(_ file: SnapshotFile, in caches: [String], of repository: HubRepository) -> File? {
        guard let name = file.sha256?.hex ?? file.gitDigest?.hex else { return nil }
        for cache in caches {
            let path = "\(cache)/\(repository.cacheFolder)/blobs/\(name)"
            guard let found = try? File(path, .read), let status = try? found.status(), status.kind == .file,
                status.size == file.size
            else { continue }
            return found
        }
        return nil
    }
}
