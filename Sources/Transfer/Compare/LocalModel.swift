public import Model
internal import Platform

/// A model on this disk outside of any store, known by its headers alone.
public struct LocalModel: Sendable {
    public struct FoundFile: Sendable {
        public let path: FilePath
        /// Where its bytes are.
        public let location: String
        public let size: UInt64
        public let cuts: [Segmentation.Cut]

        public var tensors: some Sequence<Tensor> { cuts.lazy.compactMap(\.tensor) }
    }

    /// Sorted by path.
    public let files: [FoundFile]
    /// Its place: a path, or the repository of an HF cache.
    public let origin: String
    /// The branch or tag, if the folder has one.
    public let revision: String?
    public let commit: String?

    /// A file, a folder, or a snapshot in an HF cache. Links are followed wherever they lead: nothing is kept of them.
    public init(_ path: String) throws(CakeError) {
        guard let status = try Disk.status(path) else {
            throw CakeError(
                .notFound, "no file or folder \(Printable.escape(path))",
                fix: "check the spelling; ls shows what is there")
        }
        guard status.kind == .folder else {
            files = try LocalModel.file(path)
            (origin, revision, commit) = (Disk.absolute(path), nil, nil)
            return
        }
        let folder = try Disk.canonical(path)
        if let found = try LocalModel.cached(folder) {
            files = try found.source.files.map { found throws(CakeError) in try LocalModel.look(at: found) }
            (origin, revision, commit) = (found.origin, found.revision, found.commit)
            return
        }
        let source = try FolderSource(folder: folder, borders: [folder], followingAllLinks: true)
        files = try source.files.map { found throws(CakeError) in try LocalModel.look(at: found) }
        (origin, revision, commit) = (folder, nil, nil)
    }

    /// The one model of the cache that is, or contains, the folder; nil without a cache.
    private static func cached(_ folder: String) throws(CakeError) -> ImportPath.Candidate? {
        var repositories = try CachedRepository.all(in: folder)
        if let around = try CachedRepository.around(folder) { repositories = [around] }
        guard !repositories.isEmpty else { return nil }
        var found: [ImportPath.Candidate] = []
        for repository in repositories { found += try repository.candidates(true) }
        guard let first = found.first else {
            throw CakeError(
                .notFound, "\(Printable.escape(folder)) is an HF cache without a model", fix: "download a model first")
        }
        if found.count == 1 { return first }
        // The plain name is the one that `main` points to.
        let plain = found.filter { $0.name.revision == nil }
        if repositories.count == 1, let main = plain.first { return main }
        throw CakeError(
            .usage, "\(Printable.escape(folder)) is an HF cache of \(found.count) models",
            fix: "name one: \(Printable.escape(Disk.join(repositories[0].folder, "snapshots/")))…")
    }

    /// A single file is read as safetensors under any name: a cache names it by its digest.
    private static func file(_ path: String) throws(CakeError) -> [FoundFile] {
        let source = try FolderSource(file: path)
        return try source.files.map { found throws(CakeError) in
            do throws(CakeError) {
                return try look(at: found, isTensors: true)
            } catch {
                guard error.kind == .damaged, !isCalledTensors(found.path) else { throw error }
                throw CakeError(.damaged, error.what, fix: "only safetensors files and folders can be read here")
            }
        }
    }

    private static func isCalledTensors(_ path: FilePath) -> Bool { path.string.lowercased().hasSuffix(".safetensors") }

    private static func look(at found: FolderSource.Found) throws(CakeError) -> FoundFile {
        try look(at: found, isTensors: isCalledTensors(found.path))
    }

    private static func look(at found: FolderSource.Found, isTensors: Bool) throws(CakeError) -> FoundFile {
        var cuts = Segmentation.even(isTensors ? 0 : found.size)
        if isTensors {
            do throws(CakeError) {
                cuts = Segmentation.cuts(of: try Segmentation.header(of: File(found.location, .read), size: found.size))
            } catch { throw error.at(found.path.description) }
        }
        return FoundFile(path: found.path, location: found.location, size: found.size, cuts: cuts)
    }

    /// A small file of the model; nil if there is none, or it is too large.
    public func bytes(of path: String, limit: Int) throws(CakeError) -> [UInt8]? {
        let wanted = ExactText(path)
        guard let file = files.first(where: { $0.path.text == wanted }), file.size <= UInt64(limit) else { return nil }
        return try Disk.read(file.location, limit: limit)
    }
}
