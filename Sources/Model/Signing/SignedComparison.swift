/// A model's files beside those that a signature lists.
public struct SignedComparison: Hashable, Sendable {
    /// How many are as they were signed.
    public private(set) var matching = 0
    public private(set) var different: [FilePath] = []
    /// Signed, and not in the model.
    public private(set) var missing: [FilePath] = []
    /// In the model, and neither signed nor left out.
    public private(set) var unsigned: [FilePath] = []
    /// In the model, and not signed by a rule: git's own files, what the signer left out, the signature itself.
    public private(set) var leftOut: [FilePath] = []

    /// A file to compare. A source may not say its digest before the file is here: then its name is compared.
    public struct Candidate: Sendable {
        public let path: FilePath
        public let digest: Digest?

        public init(_ path: FilePath, _ digest: Digest?) { (self.path, self.digest) = (path, digest) }
    }

    public init(of files: [Manifest.File], with statement: SignedStatement, signature: Digest?) {
        self.init(of: files.map { Candidate($0.path, $0.digest) }, with: statement, signature: signature)
    }

    /// `signature` is the SHA-256 of the bundle, which may be one of the files.
    public init(of files: [Candidate], with statement: SignedStatement, signature: Digest?) {
        let rule = LeftOut(statement.leftOut + SignedStatement.gitNames.compactMap { try? FilePath($0) })
        var signed: [FilePath: Digest] = [:]
        for file in statement.files { signed[file.path] = file.digest }
        if let digest = statement.unnamedFile {
            let all = files.filter { !SignedComparison.isSignature($0, signature) && !rule.covers($0.path) }
            if all.count == 1 { signed[all[0].path] = digest }
        }
        for file in files {
            if let digest = signed.removeValue(forKey: file.path) {
                if digest == file.digest ?? digest { matching += 1 } else { different.append(file.path) }
            } else if SignedComparison.isSignature(file, signature) || rule.covers(file.path) {
                leftOut.append(file.path)
            } else {
                unsigned.append(file.path)
            }
        }
        missing = signed.keys.sorted()
    }

    private static func isSignature(_ file: Candidate, _ signature: Digest?) -> Bool {
        file.digest.map { $0 == signature } ?? (file.path.string == SignatureBundle.fileName)
    }

    /// Files that are not wanted here need not be signed.
    public mutating func forgetUnsigned(unless isWanted: (FilePath) -> Bool) { unsigned.removeAll { !isWanted($0) } }

    /// `1 file differs, 2 files are missing`.
    public func differences(ignoringUnsigned: Bool) -> String {
        func count(_ paths: [FilePath], _ one: String, _ many: String) -> String? {
            paths.isEmpty ? nil : "\(Quantities.count(paths.count, of: "file")) \(paths.count == 1 ? one : many)"
        }
        let parts = [
            count(different, "differs", "differ"), count(missing, "is missing", "are missing"),
            ignoringUnsigned ? nil : count(unsigned, "is not signed", "are not signed"),
        ]
        let said = parts.compactMap(\.self)
        return said.isEmpty ? "none of its files is signed" : said.joined(separator: ", ")
    }

    public func isRight(ignoringUnsigned: Bool) -> Bool {
        matching > 0 && different.isEmpty && missing.isEmpty && (ignoringUnsigned || unsigned.isEmpty)
    }
}
