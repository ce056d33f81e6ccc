public import Model
internal import Platform

/// A model on this disk: its files, found without leaving the folder.
public struct FolderSource: Sendable {
    public struct Found: Sendable {
        public let path: FilePath
        /// Where its bytes are, every link resolved.
        public let location: String
        public let size: UInt64
        /// The SHA-256 that its own name promises, in an HF cache.
        let promised: Digest?
    }

    public let files: [Found]
    /// Skipped folders that belong to tools and not to the model.
    public let skipped: [String]

    static let toolFolders: Set<String> = [".git", ".cache", ".locks", ".no_exist"]

    /// The files under `folder`. A link may lead to anywhere within `borders`, which are resolved paths.
    public init(folder: String, borders: [String], followingAllLinks: Bool) throws(CakeError) {
        var walk = Walk(borders: borders, followingAllLinks: followingAllLinks)
        try walk.visit(folder, as: "")
        try FilePath.refuseClashes(walk.files.map(\.path))
        guard !walk.files.isEmpty else {
            throw CakeError(
                .notFound, "\(Printable.escape(folder)) contains no files", fix: "use a folder with a model's files"
            )
        }
        files = walk.files.sorted { $0.path < $1.path }
        try FolderSource.check(files)
        skipped = walk.skipped
    }

    /// A single file, under its own name.
    public init(file path: String) throws(CakeError) {
        let location = try Disk.canonical(path)
        guard let status = try Disk.status(location), status.kind == .file else {
            throw CakeError(.usage, "\(Printable.escape(path)) is neither a file nor a folder")
        }
        files = [
            Found(path: try FilePath(Disk.lastPart(of: path)), location: location, size: status.size, promised: nil)
        ]
        try FolderSource.check(files)
        skipped = []
    }

    /// A file with holes may claim any size.
    private static func check(_ files: [Found]) throws(CakeError) {
        var total = ByteTotal()
        for file in files { try total.add(file.size, of: "\(file.path)") }
    }

    private struct Walk {
        let borders: [String]
        let followingAllLinks: Bool
        var files: [Found] = []
        var skipped: [String] = []
        /// The folders being visited, outermost first: a link back to one of them has no end.
        private var open: [(device: UInt64, inode: UInt64)] = []

        init(borders: [String], followingAllLinks: Bool) {
            self.borders = borders
            self.followingAllLinks = followingAllLinks
        }

        mutating func visit(_ folder: String, as prefix: String) throws(CakeError) {
            guard let status = try Disk.status(folder) else {
                throw CakeError(.notFound, "no folder \(Printable.escape(folder))")
            }
            guard !open.contains(where: { $0 == (status.device, status.inode) }) else {
                throw CakeError(
                    .failed, "\(Printable.escape(folder)) links to a folder around itself", fix: "remove the link"
                )
            }
            open.append((status.device, status.inode))
            defer { open.removeLast() }
            for name in try Disk.names(in: folder) {
                try visit(Disk.join(folder, name), named: name, as: prefix.isEmpty ? name : prefix + "/" + name)
            }
        }

        private mutating func visit(_ path: String, named name: String, as relative: String) throws(CakeError) {
            guard let own = try Disk.status(path, followingLinks: false) else { throw unreachable(path) }
            let location = own.kind == .link ? try target(of: path, relative) : path
            guard let status = try Disk.status(location) else { throw unreachable(path) }
            switch status.kind {
            case .folder where FolderSource.toolFolders.contains(name): skipped.append(relative)
            case .folder: try visit(location, as: relative)
            case .file:
                let promised = own.kind == .link ? Digest(hex: Disk.lastPart(of: location)) : nil
                files.append(
                    Found(path: try FilePath(relative), location: location, size: status.size, promised: promised))
            case .link, .other:
                throw CakeError(
                    .failed, "\(Printable.escape(path)) is neither a file nor a folder",
                    fix: "move it out of the folder")
            }
        }

        /// It was listed a moment ago: leaving it out would make another model of these files.
        private func unreachable(_ path: String) -> CakeError {
            CakeError(
                .failed, "\(Printable.escape(path)) cannot be found again",
                fix: "if its name is not UTF-8, rename it; else wait until nothing changes the folder")
        }

        private func target(of link: String, _ relative: String) throws(CakeError) -> String {
            let target: String
            do {
                target = try Disk.canonical(link)
            } catch {
                guard error.kind == .notFound else { throw error }
                throw CakeError(
                    .notFound, "the link \(Printable.escape(relative)) points to nothing",
                    fix: "finish the download it belongs to, or remove it")
            }
            if followingAllLinks || borders.contains(where: { target == $0 || target.hasPrefix($0 + "/") }) {
                return target
            }
            throw CakeError(
                .failed,
                "the link \(Printable.escape(relative)) points out of the folder, to \(Printable.escape(target))",
                fix: "to follow it, add --follow-symlinks")
        }
    }
}
