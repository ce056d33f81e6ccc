import Model
import Store

/// A tag that is, or would be, gone from its registry.
struct RemoteRemoveSummary: Summary {
    let reference: RegistryReference
    let digest: BlobName
    let isDryRun: Bool

    func lines(on page: Page) -> [String] {
        ["\(isDryRun ? "would remove" : "removed") \(reference.storeName)  \(digest.hex.prefix(12))"]
    }

    var document: JSONValue { JSONValue(reference.storeName) }
}

/// Models that are, or would be, without a name.
struct RemoveSummary: Summary {
    let names: [ModelName]
    let isDryRun: Bool
    /// What that makes free, where it is known.
    let removal: LocalStore.Removal?

    func lines(on page: Page) -> [String] {
        var lines = names.map { "\(isDryRun ? "would remove" : "removed") \($0)" }
        guard let removal else { return lines }
        lines.append("cake gc \(isDryRun ? "could then" : "can") free \(Quantities.bytes(removal.freed))")
        if removal.stays > 0 {
            lines.append(
                "\(Quantities.bytes(removal.stays)) \(isDryRun ? "would stay" : "stays"): layers of other models are deltas "
                    + "against it; cake gc --rebase \(isDryRun ? "could" : "can") free part of it")
        }
        return lines
    }

    var document: JSONValue { .array(names.map { JSONValue($0.string) }) }
}
