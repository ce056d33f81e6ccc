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

    /// `signature` is the SHA-256 of the bundle, which may be one of the files.
    public init(of files: [Manifest.File], with statement: SignedStatement, signature: Digest?) {
        let rule = LeftOut(statement.leftOut + SignedStatement.gitNames.compactMap { try? FilePath($0) })
        var signed: [FilePath: Digest] = [:]
        for file in statement.files { signed[file.path] = file.digest }
        if let digest = statement.unnamedFile {
            let all = files.filter { $0.digest != signature && !rule.covers($0.path) }
            if all.count == 1 { signed[all[0].path] = digest }
        }
        for file in files {
            if let digest = signed.removeValue(forKey: file.path) {
                if digest == file.digest { matching += 1 } else { different.append(file.path) }
            } else if file.digest == signature || rule.covers(file.path) {
                leftOut.append(file.path)
            } else {
                unsigned.append(file.path)
            }
        }
        missing = signed.keys.sorted()
    }

    public func isRight(ignoringUnsigned: Bool) -> Bool {
        matching > 0 && different.isEmpty && missing.isEmpty && (ignoringUnsigned || unsigned.isEmpty)
    }
}
