import Model
import Platform
import Store
import Transfer

/// A model whose signature is the key's, and how its files compare.
struct SignatureSummary: Summary {
    let named: LocalStore.Named
    let place: FoundSignature.Place
    /// The file with the key or the certificates that a person trusts.
    let trustedPath: String
    let verified: ModelSigning.Verified
    let ignoresUnsigned: Bool

    private var comparison: SignedComparison { verified.comparison }

    var isRight: Bool { comparison.isRight(ignoringUnsigned: ignoresUnsigned) }

    func lines(on page: Page) -> [String] {
        guard isRight else { return quietLines(on: page) }
        let matching = comparison.matching
        let files = "\(Quantities.count(matching, of: "file")) \(matching == 1 ? "is" : "are") as signed"
        let data =
            verified.wereHashed
            ? "read and hashed every file"
            : "compared the digests in the store, read no model data; cake verify \(named.name) reads the layers"
        return [
            "\(page.style.paint(named.name.description, .strong)): signed \(verified.signer.words) "
                + "(\(Printable.escape(trustedPath))); \(files)"
        ] + page.detail("signature: \(placeText)") + page.detail(data) + leftOutLines(on: page)
    }

    func quietLines(on page: Page) -> [String] {
        guard !isRight else { return [] }
        return ["\(named.name): signed \(verified.signer.words), and the files differ"]
            + rows("differs", comparison.different) + rows("missing", comparison.missing)
            + (ignoresUnsigned ? [] : rows("not signed", comparison.unsigned))
    }

    private func leftOutLines(on page: Page) -> [String] {
        let paths = comparison.leftOut + comparison.unsigned
        return paths.isEmpty ? [] : page.detail("not covered: \(paths.shown)")
    }

    private func rows(_ word: String, _ paths: [FilePath]) -> [String] { paths.map { "  \(word): \($0)" } }

    private var placeText: String {
        switch place {
        case .store: "made here with cake sign"
        case .model(let path): "\(path), a file of the model"
        case .path(let path): Printable.escape(path)
        }
    }

    var differences: String { comparison.differences(ignoringUnsigned: ignoresUnsigned) }

    var advice: String {
        switch (comparison.different.isEmpty, comparison.missing.isEmpty) {
        case (true, true): "--ignore-unsigned-files accepts files that the signature does not list"
        case (true, false) where named.record.source?.hasPrefix("hf://") == true:
            "\(named.record.completing(named.name)) --include '*' downloads every file"
        default: "get the model again from its publisher, or ask its signer for a signature of this version"
        }
    }

    var document: JSONValue {
        func list(_ paths: [FilePath]) -> JSONValue { .array(paths.map { JSONValue($0.string) }) }
        let found: JSONValue =
            switch place {
            case .store: "store"
            case .model(let path): JSONValue(path.string)
            case .path(let path): JSONValue(path)
            }
        let (key, holder): (JSONValue, JSONValue) =
            switch verified.signer {
            case .key(let digest): (JSONValue(digest.hex), .null)
            case .holder(let subject): (.null, JSONValue(subject))
            }
        return [
            "name": JSONValue(named.name.string), "manifest": JSONValue(named.record.manifest.hex),
            "verified": .bool(isRight), "key": key, "certificate": holder, "key_file": JSONValue(trustedPath),
            "signature": found,
            "files": JSONValue(comparison.matching), "hashed": .bool(verified.wereHashed),
            "different": list(comparison.different), "missing": list(comparison.missing),
            "unsigned": list(comparison.unsigned), "left_out": list(comparison.leftOut),
        ]
    }
}

extension Signer {
    fileprivate var words: String {
        switch self {
        case .key(let digest): "with the key \(digest.short)"
        case .holder(let subject): "with the certificate of \(subject)"
        }
    }
}
