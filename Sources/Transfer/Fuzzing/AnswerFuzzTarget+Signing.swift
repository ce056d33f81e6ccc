internal import Model

extension AnswerFuzzTarget {
    static func readSignature(_ input: Span<UInt8>) {
        guard let bundle = try? SignatureBundle(parsing: input) else { return }
        let again = bundle.encoded
        precondition(
            (try? SignatureBundle(parsing: again.span)) == bundle, "a signature that reads otherwise when written")
        precondition(bundle.signedBytes.count > bundle.payload.count)
        readStatement(bundle.payload.span)
    }

    static func readStatement(_ input: Span<UInt8>) {
        guard let statement = try? SignedStatement(parsing: input) else { return }
        precondition(statement.joinedDigests.count == max(statement.files.count, 1) * Digest.byteCount)
        if statement.unnamedFile == nil {
            let again = statement.encoded
            precondition(
                (try? SignedStatement(parsing: again.span)) == statement,
                "a statement that reads otherwise when written")
        }
        let files = statement.files.compactMap {
            try? Manifest.File(path: $0.path, digest: $0.digest, size: 0, segments: [])
        }
        let same = SignedComparison(of: files, with: statement, signature: nil)
        precondition(same.matching == statement.files.count && same.missing.isEmpty && same.unsigned.isEmpty)
        let none = SignedComparison(of: [Manifest.File](), with: statement, signature: nil)
        precondition(none.missing.count == statement.files.count && !none.isRight(ignoringUnsigned: true))
    }
}
