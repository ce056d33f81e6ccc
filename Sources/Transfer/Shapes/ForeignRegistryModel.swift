public import Model
public import Platform
public import Remote
public import Store

/// A model in a registry that another tool pushed, looked at without a pull: its manifest, the headers of files that are layers
/// of their own, and a few small files. Nothing is stored, and no archive is read.
public struct ForeignRegistryModel: Sendable {
    public let reference: RegistryReference
    public let remote: RemoteShape
    /// Those that are layers of their own.
    public let files: [RemoteModel.ListedFile]
    /// Archives whose files were here when an earlier pull read them.
    public let knownArchives: Int
    private let bytesMissing: UInt64
    private let texts: [FilePath: [UInt8]]

    private static let textNames = ["config.json", "adapter_config.json", ModelCard.fileName]
    private static let atOnce = 8

    public init(
        _ reference: RegistryReference, _ remote: RemoteShape, store: LocalStore?, on pool: BlockingPool
    ) async throws {
        self.reference = reference
        self.remote = remote
        let known = try store.map { try KnownRemote($0) }
        let listed = remote.model.files
        let most = Segmentation.mostCuts(eachOf: listed.count)
        files = try await sideBySide(listed.count, atOnce: ForeignRegistryModel.atOnce, on: pool) { number in
            let file = listed[number]
            if let found = try known?.find(file) {
                return RemoteModel.ListedFile(file, known: found, cuts: Segmentation(found).cuts)
            }
            guard Segmentation.hasHeader(file.path) else {
                return RemoteModel.ListedFile(file, cuts: Segmentation(plain: file.size, most: most).cuts)
            }
            let blob = remote.blob(file.sha256 ?? .empty, size: file.size)
            let (segmentation, header) = try await Segmentation.cuts(of: file, most: most) { try await blob.bytes($0) }
            return RemoteModel.ListedFile(
                file, cuts: segmentation.cuts, complaint: segmentation.complaint, headerDigest: header)
        }
        var texts: [FilePath: [UInt8]] = [:]
        for file in files where ForeignRegistryModel.textNames.contains(file.listed.path.string) {
            guard file.listed.size <= UInt64(RemoteModel.textLimit), let digest = file.listed.sha256 else { continue }
            if let here = file.known, let bytes = try? known?.reader.bytes(of: here, limit: RemoteModel.textLimit) {
                texts[file.listed.path] = bytes
                continue
            }
            let bytes = try await remote.blob(digest, size: file.listed.size).bytes(0..<file.listed.size)
            guard SHA256.digest(of: bytes.span) == digest else {
                throw CakeError(
                    .damaged, "\(remote.place) sent other bytes for \(file.listed.path) than its digest names",
                    fix: "the registry, or a proxy, changes the data; ask its operator")
            }
            texts[file.listed.path] = bytes
        }
        self.texts = texts
        let remembered = remote.model.archives.isEmpty ? [:] : store?.knownArchives() ?? [:]
        let unknown = remote.model.archives.filter { remembered[ArchiveContents.Key($0)] == nil }
        knownArchives = remote.model.archives.count - unknown.count
        bytesMissing =
            files.filter { $0.known == nil }.reduce(UInt64(0)) { $0.clampedSum($1.listed.size) }
            .clampedSum(unknown.reduce(0) { $0 + $1.size })
    }

    /// Of a pull now, as far as is known without it.
    public var bytesToFetch: UInt64 { bytesMissing }

    /// One of the small files; nil if there is none.
    public func bytes(of path: String) -> [UInt8]? {
        let wanted = ExactText(path)
        return texts.first { $0.key.text == wanted }?.value
    }

    /// The known identity of its bytes. Nil where an archive has some of them.
    public var outline: Outline? {
        guard remote.model.archives.isEmpty else { return nil }
        return Outline(files: files.map(\.outline))
    }
}
