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
    /// The layers of a few of its tensors: the same ones in all models of one shape.
    package let marked: [Digest]

    private static let mostMarked = 8

    init(manifest: Digest, shape: Digest, tensors: Int, files: [File], marked: [Digest]) {
        (self.manifest, self.shape, self.tensors, self.files) = (manifest, shape, tensors, files)
        self.marked = marked
    }

    init(of manifest: Manifest, called digest: Digest) {
        var hash = SHA256()
        var layers: [Layer] = []
        for segment in manifest.segments {
            guard let tensor = segment.tensor else { continue }
            layers.append(segment.layer)
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
            manifest: digest, shape: hash.finish(), tensors: layers.count,
            files: manifest.files.map { File(digest: $0.digest, size: $0.size) },
            marked: ManifestSummary.places(layers.map(\.size)).map { layers[$0].digest })
    }

    /// Spread over the tensors that are no smaller than half of them are: small ones are often the same in all models.
    private static func places(_ sizes: [UInt64]) -> [Int] {
        guard !sizes.isEmpty else { return [] }
        let least = sizes.sorted()[sizes.count / 2]
        let larger = sizes.indices.filter { sizes[$0] >= least }
        let count = min(mostMarked, larger.count)
        return (0..<count).map { larger[(2 * $0 + 1) * larger.count / (2 * count)] }
    }
}

/// The file of all summaries, drawn in docs/layout.md.
enum ManifestSummaryFile {
    private static let mark = Array("cakesum2".utf8)
    private static let entryLength = 2 * Digest.byteCount + 12
    private static let fileLength = Digest.byteCount + 8

    static func encode(_ summaries: [ManifestSummary]) -> [UInt8] {
        var bytes = mark
        bytes.reserveCapacity(mark.count + summaries.count * (entryLength + 12 * fileLength) + Digest.byteCount)
        for summary in summaries {
            bytes += summary.manifest.bytes
            bytes += summary.shape.bytes
            for number in [summary.tensors, summary.files.count, summary.marked.count] {
                bytes.append(littleEndian: UInt32(truncatingIfNeeded: number))
            }
            for file in summary.files {
                bytes += file.digest.bytes
                bytes.append(littleEndian: file.size)
            }
            for layer in summary.marked { bytes += layer.bytes }
        }
        return DerivedFile.summed(bytes)
    }

    /// Nil for a torn or damaged file.
    static func decode(_ bytes: Span<UInt8>) -> [Digest: ManifestSummary]? {
        guard let body = DerivedFile.body(of: bytes, mark) else { return nil }
        let end = body.upperBound
        var found: [Digest: ManifestSummary] = [:]
        var at = body.lowerBound
        while at < end {
            guard entryLength <= end - at, let manifest = digest(at: at, in: bytes),
                let shape = digest(at: at + Digest.byteCount, in: bytes)
            else { return nil }
            let numbers = (0..<3).map {
                Int(bytes.littleEndian(UInt32.self, at: at + 2 * Digest.byteCount + 4 * $0))
            }
            at += entryLength
            guard numbers[1] <= (end - at) / fileLength else { return nil }
            var files: [ManifestSummary.File] = []
            files.reserveCapacity(numbers[1])
            for _ in 0..<numbers[1] {
                guard let digest = digest(at: at, in: bytes) else { return nil }
                files.append(.init(digest: digest, size: bytes.littleEndian(UInt64.self, at: at + Digest.byteCount)))
                at += fileLength
            }
            guard numbers[2] <= (end - at) / Digest.byteCount else { return nil }
            var marked: [Digest] = []
            for _ in 0..<numbers[2] {
                guard let layer = digest(at: at, in: bytes) else { return nil }
                marked.append(layer)
                at += Digest.byteCount
            }
            found[manifest] = ManifestSummary(
                manifest: manifest, shape: shape, tensors: numbers[0], files: files, marked: marked)
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
        guard let bytes = try? Disk.read(layout.modelSummaries, limit: DerivedFile.longest) else { return [:] }
        return ManifestSummaryFile.decode(bytes.span) ?? [:]
    }

    /// Without those of manifests that are gone.
    private func keep(_ summaries: [Digest: ManifestSummary]) throws(CakeError) {
        let here = try manifestDigests().sorted().compactMap { summaries[$0] }
        try replaceDerived(layout.modelSummaries, with: ManifestSummaryFile.encode(here))
    }
}
