package import Model
internal import Platform

/// What was in the archives that models came in: derived, one file for each manifest. Without it an archive is downloaded again.
extension LocalStore {
    private static let archivesMark = Array("cakearc1".utf8)
    private static let longestArchives = 64 << 20

    /// A pull does not fail for it.
    package func keep(_ archives: [ArchiveContents], of manifest: Digest) {
        guard !archives.isEmpty, isWritable else { return }
        var bytes = LocalStore.archivesMark
        for archive in archives { archive.append(to: &bytes) }
        guard bytes.count <= LocalStore.longestArchives else { return }
        try? replaceDerived(layout.archives(of: manifest), with: DerivedFile.summed(bytes))
    }

    /// Of all models.
    package func knownArchives() -> [ArchiveContents.Key: ArchiveContents] {
        var found: [ArchiveContents.Key: ArchiveContents] = [:]
        for place in [self] + lower {
            for name in (try? Disk.names(in: place.layout.archives)) ?? [] {
                guard let bytes = try? Disk.read(place.layout.archives + "/" + name, limit: LocalStore.longestArchives),
                    let body = DerivedFile.body(of: bytes.span, LocalStore.archivesMark),
                    let archives = ArchiveContents.all(in: bytes.span.extracting(body))
                else { continue }
                for archive in archives { found[archive.key] = archive }
            }
        }
        return found
    }
}
