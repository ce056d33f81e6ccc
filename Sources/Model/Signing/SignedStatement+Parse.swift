extension SignedStatement {
    /// Of a signature that was verified. Refuses what cake cannot compare, in words. The root is not checked: that takes a hash.
    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= SignatureBundle.maximumSize else {
            throw CakeError(.damaged, "the signed text has \(bytes.count) bytes")
        }
        var scanner = JSONScanner()
        let members = try scanner.members(["_type", "predicateType", "subject", "predicate"], in: bytes)
        try scanner.finish(in: bytes)
        try SignedText("_type", in: members, bytes).expect(SignedStatement.type)
        let kind = try SignedText("predicateType", in: members, bytes)
        guard kind.text != SignedStatement.earlierPredicateType else {
            throw CakeError(
                .failed, "it was made by an early model-signing, before version 1.0",
                fix: "ask its signer to sign the model again")
        }
        try kind.expect(SignedStatement.predicateType)
        guard var subjects = members["subject"] else { throw SignedText.missing("subject") }
        let subject = try SignedStatement.subject(&subjects, bytes)
        guard var predicate = members["predicate"] else { throw SignedText.missing("predicate") }
        let parts = try predicate.members(["serialization", "resources"], in: bytes)
        guard var serialization = parts["serialization"] else { throw SignedText.missing("serialization") }
        let leftOut = try SignedStatement.leftOut(&serialization, bytes)
        guard var resources = parts["resources"] else { throw SignedText.missing("resources") }
        let found = try SignedStatement.files(&resources, bytes)
        self.init(
            name: subject.name, root: subject.root, files: found.named, unnamedFile: found.unnamed, leftOut: leftOut)
    }

    private static func subject(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>
    ) throws(CakeError) -> (name: String, root: Digest) {
        var found: (name: String, root: Digest)?
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) {
            guard found == nil else { throw CakeError(.damaged, "it has more than one subject") }
            let members = try scanner.members(["name", "digest"], in: bytes)
            let name = members["name"] == nil ? "" : try SignedText("name", in: members, bytes).text
            guard var digest = members["digest"] else { throw SignedText.missing("digest of the subject") }
            let digests = try digest.members([algorithm], in: bytes)
            found = (name, try SignedText(algorithm, in: digests, bytes).digest())
        }
        guard let found else { throw SignedText.missing("subject") }
        return found
    }

    /// How the files were listed, which has to be the way that cake knows.
    private static func leftOut(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>
    ) throws(CakeError) -> [FilePath] {
        let members = try scanner.members(["method", "hash_type", "ignore_paths"], in: bytes)
        let method = try SignedText("method", in: members, bytes)
        guard method.text != "shards" else {
            throw CakeError(
                .failed, "it lists pieces of files (\"method\": \"shards\"), and cake compares whole files",
                fix: "ask its signer to sign the model's files")
        }
        try method.expect(SignedStatement.method)
        try SignedText("hash_type", in: members, bytes).refuseOtherHash()
        var paths: [FilePath] = []
        guard var list = members["ignore_paths"] else { return paths }
        try list.beginArray(in: bytes)
        while try list.nextElement(in: bytes) {
            guard try list.kind(in: bytes) == .string else {
                throw CakeError(.damaged, "an ignored path is not a text")
            }
            var path = try list.string(in: bytes)
            while path.utf8.count > 1, path.utf8.last == UInt8(ascii: "/") { path.removeLast() }
            // A path that cannot be in a model leaves nothing out.
            if let path = try? FilePath(path) { paths.append(path) }
        }
        return paths
    }

    private static func files(
        _ scanner: inout JSONScanner, _ bytes: Span<UInt8>
    ) throws(CakeError) -> (named: [File], unnamed: Digest?) {
        var files: [File] = []
        var seen: Set<FilePath> = []
        var unnamed: Digest?
        try scanner.beginArray(in: bytes)
        while try scanner.nextElement(in: bytes) {
            let members = try scanner.members(["name", "algorithm", "digest"], in: bytes)
            try SignedText("algorithm", in: members, bytes).refuseOtherHash()
            let digest = try SignedText("digest", in: members, bytes).digest()
            let name = try SignedText("name", in: members, bytes)
            guard unnamed == nil else { throw CakeError(.damaged, "it lists files beside one without a name") }
            if name.text == "." {
                guard files.isEmpty else { throw CakeError(.damaged, "it lists files beside one without a name") }
                unnamed = digest
                continue
            }
            let path: FilePath
            do throws(CakeError) {
                path = try FilePath(name.text)
            } catch { throw CakeError(.damaged, error.what) }
            guard seen.insert(path).inserted else { throw CakeError(.damaged, "it lists the file \(path) twice") }
            files.append(File(path, digest))
        }
        guard unnamed != nil || !files.isEmpty else { throw CakeError(.damaged, "it lists no files") }
        return (files, unnamed)
    }
}

extension SignedText {
    fileprivate func refuseOtherHash() throws(CakeError) {
        guard text != SignedStatement.algorithm else { return }
        throw CakeError(
            .failed, "it lists hashes of the kind \(shown), and cake compares SHA-256",
            fix: "ask its signer to sign the model with SHA-256, which is the usual hash")
    }
}
