import Model
import Store
import Transfer

/// A model that was signed.
struct SignSummary: Summary {
    let named: LocalStore.Named
    let signed: ModelSigning.Signed

    func lines(on page: Page) -> [String] {
        let files = "\(Quantities.count(signed.files, of: "file")), \(Quantities.bytes(signed.bytes))"
        return ["signed \(page.style.paint(named.name.description, .strong)) with the key \(signed.key.short)"]
            + page.detail(
                "\(files)\(signed.wereHashed ? ", hashed first" : ""); cake export writes model.sig beside them")
            + (signed.leftOut.isEmpty ? [] : page.detail("not signed: \(signed.leftOut.shown)"))
    }

    var document: JSONValue {
        [
            "name": JSONValue(named.name.string), "manifest": JSONValue(named.record.manifest.hex),
            "key": JSONValue(signed.key.hex), "files": JSONValue(signed.files), "bytes": JSONValue(signed.bytes),
            "hashed": .bool(signed.wereHashed), "left_out": .array(signed.leftOut.map { JSONValue($0.string) }),
        ]
    }
}

extension [FilePath] {
    /// The first few, and how many more there are.
    var shown: String {
        let first = prefix(5).map(\.description).joined(separator: ", ")
        return count > 5 ? "\(first) and \(count - 5) more" : first
    }
}
