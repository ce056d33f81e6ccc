public import Model
internal import Platform

/// The models at a path on this disk, with the name that each would get.
public struct ImportPath: Sendable {
    public struct Candidate: Sendable {
        public let name: ModelName
        public let source: FolderSource
        /// Where it came from, as the name will remember it.
        public let origin: String
        /// The branch or tag, if the folder has one.
        public let revision: String?
        public let commit: String?
    }

    public let candidates: [Candidate]

    /// `name` is the user's choice; then there may be only one model.
    public init(_ path: String, name: ModelName?, followingAllLinks: Bool) throws(CakeError) {
        guard let status = try Disk.status(path) else {
            throw CakeError(
                .notFound, "no file or folder \(Printable.escape(path))",
                fix: "check the spelling; a model's name is for cake pull")
        }
        var found: [Candidate]
        if status.kind == .folder {
            found = try ImportPath.inFolder(path, name, followingAllLinks)
        } else {
            let source = try FolderSource(file: path)
            found = [try ImportPath.candidate(name, ImportPath.stem(ofFile: path), source, Disk.absolute(path))]
        }
        if let name, found.count > 1 {
            throw CakeError(
                .usage, "\(Printable.escape(path)) contains \(found.count) models, and \(name) can name only one",
                fix: "leave the name out; each then gets its own")
        }
        if let name, let only = found.first, only.name != name {
            found = [
                Candidate(
                    name: name, source: only.source, origin: only.origin, revision: only.revision, commit: only.commit)
            ]
        }
        candidates = found
    }

    private static func inFolder(_ path: String, _ name: ModelName?, _ followingAllLinks: Bool) throws(CakeError)
        -> [Candidate]
    {
        let folder = try Disk.canonical(path)
        if let cached = try CachedRepository.around(folder) { return try cached.candidates(followingAllLinks) }
        let repositories = try CachedRepository.all(in: folder)
        if !repositories.isEmpty {
            var found: [Candidate] = []
            for repository in repositories { found += try repository.candidates(followingAllLinks) }
            return found
        }
        let source = try FolderSource(folder: folder, borders: [folder], followingAllLinks: followingAllLinks)
        return [try candidate(name, Disk.lastPart(of: folder), source, folder)]
    }

    /// `model.safetensors` says nothing: then the folder around it does.
    static func stem(ofFile path: String) -> String {
        let file = Disk.lastPart(of: path)
        let stem = file.utf8.lastIndex(of: UInt8(ascii: ".")).map { String(file[..<$0]) } ?? file
        let folder = Disk.lastPart(of: Disk.parent(of: Disk.absolute(path)))
        return stem == "model" && !folder.isEmpty ? folder : stem
    }

    /// Under the name that was asked for, else the one that the path suggests.
    private static func candidate(
        _ name: ModelName?, _ suggestion: String, _ source: FolderSource, _ origin: String
    ) throws(CakeError) -> Candidate {
        do {
            let chosen: ModelName
            if let name { chosen = name } else { chosen = try ModelName(suggestion) }
            return Candidate(name: chosen, source: source, origin: origin, revision: nil, commit: nil)
        } catch {
            throw CakeError(.usage, error.what, fix: "give it a name: cake import PATH NAME")
        }
    }
}
