/// The files of a revision, gathered page by page from a server's tree.
public struct HubTree: Sendable {
    public static let maximumPageSize = 64 << 20
    public static let maximumPages = 20_000
    public static let maximumEntries = 1_000_000

    public private(set) var files: [SnapshotFile] = []
    private var folders: [FilePath] = []
    private var pages = 0
    private let maximumEntries: Int
    private let maximumPages: Int

    public init(maximumEntries: Int = maximumEntries, maximumPages: Int = maximumPages) {
        self.maximumEntries = maximumEntries
        self.maximumPages = maximumPages
    }

    public mutating func add(page bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= HubTree.maximumPageSize else {
            throw HubInfo.refuse("has \(bytes.count) bytes; the limit is \(HubTree.maximumPageSize)")
        }
        pages += 1
        guard pages <= maximumPages else { throw HubTree.tooMany }
        var scanner = JSONScanner()
        do throws(CakeError) {
            try scanner.beginArray(in: bytes)
            while try scanner.nextElement(in: bytes) {
                guard files.count + folders.count < maximumEntries else { throw HubTree.tooMany }
                let entry = try HubTreeEntry(&scanner, in: bytes)
                switch entry.type {
                case "file": files.append(try entry.file())
                case "directory": folders.append(try FilePath(entry.path))
                default: continue
                }
            }
            try scanner.finish(in: bytes)
        } catch {
            if error.kind == .notAuthorised { throw error }
            throw CakeError(
                error.kind, "the list of files is not valid: \(error.what)", fix: error.fix ?? HubTree.advice)
        }
    }

    /// When the last page is in. A folder without files is one that the server did not look into.
    public func snapshot(of repository: HubRepository, revision: String?, commit: String) throws(CakeError) -> Snapshot
    {
        let snapshot = try Snapshot(repository: repository, revision: revision, commit: commit, files: files)
        for folder in folders {
            let start = ExactText(folder.string + "/")
            let next = snapshot.files.partitioningIndex { !($0.path.text < start) }
            guard next < snapshot.files.count, snapshot.files[next].path.string.utf8.starts(with: start.string.utf8)
            else {
                throw CakeError(
                    .damaged, "the list of files has the folder \"\(folder)\" without contents", fix: HubTree.advice)
            }
        }
        return snapshot
    }

    static let advice = "check HF_ENDPOINT, and whether a proxy changes answers"
    static let tooMany = CakeError(
        .damaged, "the list of files does not end", fix: "name a repository with fewer files; \(advice)")
}

/// One entry of a page.
private struct HubTreeEntry {
    var type = ""
    var path = ""
    private var size: UInt64?
    private var blob: GitDigest?
    private var xetHash: XetHash?
    private var isLarge = false
    /// Some of its values are hidden behind stars.
    private var isHidden = false
    private var largeSize: UInt64?
    private var pointerSize: UInt64?
    private var sha256: Digest?

    init(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        try scanner.beginObject(in: bytes)
        while let key = try scanner.key(in: bytes) {
            switch key {
            case "type": type = try scanner.string(in: bytes)
            case "path":
                guard path.isEmpty else { throw CakeError(.damaged, "\"\(Printable.escape(path))\" has two paths") }
                path = try scanner.string(in: bytes)
            case "size": size = try number(&scanner, in: bytes)
            case "oid":
                guard let text = try scanner.optionalString(in: bytes), !hides(text) else { continue }
                guard let digest = GitDigest(hex: text) else { throw HubTreeEntry.noHash(text) }
                blob = digest
            case "xetHash":
                // Also a hidden one says that git keeps a pointer only.
                if try scanner.kind(in: bytes) == .string { isLarge = true }
                xetHash = try hash(&scanner, in: bytes).map(XetHash.init(spelledLike:))
            case "lfs": try readLarge(&scanner, in: bytes)
            default: try scanner.skipValue(in: bytes)
            }
        }
    }

    func file() throws(CakeError) -> SnapshotFile {
        let path = try FilePath(path)
        // If the size of a file's pointer is hidden, the large size counts.
        guard let size = size ?? largeSize else {
            guard isHidden else { throw CakeError(.damaged, "\"\(path)\" has no size") }
            throw CakeError(
                .notAuthorised, "\"\(path)\" is gated: the Hub hides its size",
                fix: "ask for access on the model's page, then cake login")
        }
        try ByteCount.checked(size, of: "\"\(path)\"")
        if let largeSize { try ByteCount.checked(largeSize, of: "\"\(path)\"") }
        if let largeSize, largeSize != size, size != pointerSize {
            throw CakeError(.damaged, "\"\(path)\" has two sizes, \(size) and \(largeSize)")
        }
        return SnapshotFile(
            path: path, size: largeSize ?? size, isLarge: isLarge, blob: blob, sha256: sha256,
            xetHash: xetHash)
    }

    private mutating func readLarge(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) {
        guard try scanner.opensObject(in: bytes) else { return }
        isLarge = true
        while let key = try scanner.key(in: bytes) {
            switch key {
            case "oid", "sha256": sha256 = try hash(&scanner, in: bytes)
            case "size":
                largeSize = try number(&scanner, in: bytes)
                guard largeSize != nil || isHidden else { throw CakeError(.damaged, "a file has no size") }
            case "pointerSize": pointerSize = try number(&scanner, in: bytes)
            default: try scanner.skipValue(in: bytes)
            }
        }
    }

    /// Stars replace values that the caller may not know.
    private mutating func hides(_ text: String) -> Bool {
        let isHidden = !text.isEmpty && text.utf8.allSatisfy { $0 == UInt8(ascii: "*") }
        self.isHidden = self.isHidden || isHidden
        return isHidden
    }

    private mutating func hash(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> Digest? {
        guard let text = try scanner.optionalString(in: bytes), !hides(text) else { return nil }
        guard let digest = Digest(hex: text) else { throw HubTreeEntry.noHash(text) }
        return digest
    }

    private mutating func number(_ scanner: inout JSONScanner, in bytes: Span<UInt8>) throws(CakeError) -> UInt64? {
        guard try scanner.kind(in: bytes) == .string else { return try scanner.optionalWholeNumber(in: bytes) }
        let text = try scanner.string(in: bytes)
        guard hides(text) else {
            throw CakeError(.damaged, "\"\(Printable.escape(String(text.prefix(80))))\" is not a size")
        }
        return nil
    }

    private static func noHash(_ text: String) -> CakeError {
        CakeError(.damaged, "\"\(Printable.escape(String(text.prefix(80))))\" is not a hash")
    }
}
