/// The text that a model's signature signs: an in-toto statement with the SHA-256 of every file.
public struct SignedStatement: Hashable, Sendable {
    public struct File: Hashable, Sendable {
        public let path: FilePath
        public let digest: Digest

        public init(_ path: FilePath, _ digest: Digest) { (self.path, self.digest) = (path, digest) }
    }

    /// The signer's name for the model; it proves nothing.
    public let name: String
    /// SHA-256 of the files' digests, one after the other.
    public let root: Digest
    /// In the order in which they are listed.
    public let files: [File]
    /// Of a model that is one file and was signed without its name.
    public let unnamedFile: Digest?
    /// Files and folders that the signer left out.
    public let leftOut: [FilePath]

    static let type = "https://in-toto.io/Statement/v1"
    public static let predicateType = "https://model_signing/signature/v1.0"
    static let earlierPredicateType = "https://model_signing/Digests/v0.1"
    static let algorithm = "sha256"
    static let method = "files"
    /// What every signer leaves out at the top of a model.
    static let gitNames = [".git", ".gitattributes", ".github", ".gitignore"]

    /// Of a model's files but those that no signer signs. `root` hashes the files' digests.
    public init(
        of files: [Manifest.File], name: String, root: (_ digests: [UInt8]) -> Digest
    ) throws(CakeError) {
        var leftOut = SignedStatement.gitNames.compactMap { try? FilePath($0) }
        // Where the signature itself will be.
        if let own = try? FilePath(SignatureBundle.fileName), !files.contains(where: { $0.path == own }) {
            leftOut.append(own)
        }
        let rule = LeftOut(leftOut)
        self.name = name
        self.leftOut = leftOut
        self.files = files.filter { !rule.covers($0.path) }.map { File($0.path, $0.digest) }.sorted {
            $0.path < $1.path
        }
        unnamedFile = nil
        self.root = root(self.files.flatMap(\.digest.bytes))
        guard !self.files.isEmpty else { throw CakeError(.failed, "there is no file to sign") }
    }

    /// What `root` should be the SHA-256 of.
    public var joinedDigests: [UInt8] { unnamedFile?.bytes ?? files.flatMap(\.digest.bytes) }

    public var encoded: [UInt8] {
        let resources = files.map { file -> JSONValue in
            [
                "name": JSONValue(file.path.string), "algorithm": JSONValue(SignedStatement.algorithm),
                "digest": JSONValue(file.digest.hex),
            ]
        }
        let statement: JSONValue = [
            "_type": JSONValue(SignedStatement.type),
            "subject": [["name": JSONValue(name), "digest": ["sha256": JSONValue(root.hex)]]],
            "predicateType": JSONValue(SignedStatement.predicateType),
            "predicate": [
                "serialization": [
                    "method": JSONValue(SignedStatement.method), "hash_type": JSONValue(SignedStatement.algorithm),
                    "allow_symlinks": false, "ignore_paths": .array(leftOut.map { JSONValue($0.string) }),
                ],
                "resources": .array(resources),
            ],
        ]
        return statement.bytes(.compact)
    }

    init(name: String, root: Digest, files: [File], unnamedFile: Digest?, leftOut: [FilePath]) {
        (self.name, self.root, self.files) = (name, root, files)
        (self.unnamedFile, self.leftOut) = (unnamedFile, leftOut)
    }
}

/// Files and folders by their paths.
struct LeftOut {
    private let paths: Set<FilePath>

    init(_ paths: some Sequence<FilePath>) { self.paths = Set(paths) }

    func covers(_ path: FilePath) -> Bool {
        if paths.contains(path) { return true }
        var above = path.string.utf8[...]
        while let slash = above.lastIndex(of: UInt8(ascii: "/")) {
            above = above[..<slash]
            if let folder = try? FilePath(String(Substring(above))), paths.contains(folder) { return true }
        }
        return false
    }
}
