package import Model
internal import Platform

/// What a search among all models needs of one: the content of a manifest never changes, and so this is never out of date.
package struct ManifestSummary: Hashable, Sendable {
    package struct File: Hashable, Sendable {
        package let digest: Digest
        package let size: UInt64
    }

    package let manifest: Digest
    /// Of the names, types and shapes of its tensors in their order: models that have the same one have the same tensors.
    package let shape: Digest
    package let tensors: Int
    package let files: [File]

    init(manifest: Digest, shape: Digest, tensors: Int, files: [File]) {
        (self.manifest, self.shape, self.tensors, self.files) = (manifest, shape, tensors, files)
    }

    init(of manifest: Manifest, called digest: Digest) {
        var hash = SHA256()
        var count = 0
        for segment in manifest.segments {
            guard let tensor = segment.tensor else { continue }
            count += 1
            var bytes: [UInt8] = []
            // Lengths first: two lists of tensors never have the same bytes.
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: tensor.name.string.utf8.count))
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: tensor.shape.count))
            bytes += tensor.name.string.utf8
            for dimension in tensor.shape { bytes.append(littleEndian: dimension) }
            bytes += tensor.dtype.rawValue.utf8
            bytes.append(0)
            hash.update(bytes.span)
        }
        self.init(
            manifest: digest, shape: hash.finish(), tensors: count,
            files: manifest.files.map { File(digest: $0.digest, size: $0.size) })
    }
}

/// The file of all summaries, drawn in docs/layout.md: with the SHA-256 of its bytes at the end, which a torn one lacks.
enum ManifestSummaryFile {
    private static let mark = Array("cakesum1".utf8)
    private static let entryLength = 2 * Digest.byteCount + 8
    private static let fileLength = Digest.byteCount + 8
    static let longest = 1 << 30

    static func encode(_ summaries: [ManifestSummary]) -> [UInt8] {
        var bytes = mark
        bytes.reserveCapacity(mark.count + summaries.count * (entryLength + 4 * fileLength) + Digest.byteCount)
        for summary in summaries {
            bytes += summary.manifest.bytes
            bytes += summary.shape.bytes
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: summary.tensors))
            bytes.append(littleEndian: UInt32(truncatingIfNeeded: summary.files.count))
            for file in summary.files {
                bytes += file.digest.bytes
                bytes.append(littleEndian: file.size)
            }
        }
        return bytes + SHA256.digest(of: bytes.span).bytes
    }

    /// Nil for a torn or damaged file.
    static func decode(_ bytes: Span<UInt8>) -> [Digest: ManifestSummary]? {
        let end = bytes.count - Digest.byteCount
        guard end >= mark.count, mark.indices.allSatisfy({ bytes[$0] == mark[$0] }),
            Digest(bytes: bytes.extracting(end..<bytes.count)) == SHA256.digest(of: bytes.extracting(0..<end))
        else { return nil }
        var found: [Digest: ManifestSummary] = [:]
        var at = mark.count
        while at < end {
            guard entryLength <= end - at, let manifest = digest(at: at, in: bytes),
                let shape = digest(at: at + Digest.byteCount, in: bytes)
            else { return nil }
            let tensors = Int(bytes.littleEndian(UInt32.self, at: at + 2 * Digest.byteCount))
            let count = Int(bytes.littleEndian(UInt32.self, at: at + 2 * Digest.byteCount + 4))
            at += entryLength
            guard count <= (end - at) / fileLength else { return nil }
            var files: [ManifestSummary.File] = []
            files.reserveCapacity(count)
            for _ in 0..<count {
                guard let digest = digest(at: at, in: bytes) else { return nil }
                files.append(.init(digest: digest, size: bytes.littleEndian(UInt64.self, at: at + Digest.byteCount)))
                at += fileLength
            }
            found[manifest] = ManifestSummary(manifest: manifest, shape: shape, tensors: tensors, files: files)
        }
        return found
    }

    private static func digest(at offset: Int, in bytes: Span<UInt8>) -> Digest? {
        Digest(bytes: bytes.extracting(offset..<offset + Digest.byteCount))
    }
}

extension LocalStore {
    /// The summaries of manifests of this store, in their order. `read` gives a manifest that has none yet, or nil. What
    /// was read is kept for the next search, in a file that replaces the last one whole: of two commands that do so at once one
    /// loses what it added, and a later one reads these manifests again.
    package func summaries(
        of manifests: [Digest], reading read: (Digest) throws(CakeError) -> Manifest?
    ) throws(CakeError) -> [ManifestSummary] {
        var known = keptSummaries()
        var found: [ManifestSummary] = []
        found.reserveCapacity(manifests.count)
        var isNew = false
        for digest in manifests {
            if known[digest] == nil, let manifest = try read(digest) {
                known[digest] = ManifestSummary(of: manifest, called: digest)
                isNew = true
            }
            if let summary = known[digest] { found.append(summary) }
        }
        if isNew, isWritable { try? keep(known) }
        return found
    }

    private func keptSummaries() -> [Digest: ManifestSummary] {
        guard let bytes = try? Disk.read(layout.modelSummaries, limit: ManifestSummaryFile.longest) else { return [:] }
        return ManifestSummaryFile.decode(bytes.span) ?? [:]
    }

    /// Without those of manifests that are gone. Not synced: a power cut costs the file.
    private func keep(_ summaries: [Digest: ManifestSummary]) throws(CakeError) {
        let bytes = ManifestSummaryFile.encode(try manifestDigests().sorted().compactMap { summaries[$0] })
        let aside = try Disk.makeUniqueFolder(in: layout.incoming, prefix: "summaries-")
        defer { try? Disk.removeTree(aside) }
        try File(aside + "/models", .create).write(bytes.span, at: 0)
        try Disk.makeFolders(layout.summaries)
        try Disk.rename(aside + "/models", to: layout.modelSummaries)
    }
}
