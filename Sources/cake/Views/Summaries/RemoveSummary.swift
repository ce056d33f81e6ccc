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
    let models: [LocalStore.Named]
    let isDryRun: Bool
    /// What that makes free, where it is known.
    let removal: LocalStore.Removal?

    func lines(on page: Page) -> [String] {
        var lines = models.map {
            "\(isDryRun ? "would remove" : "removed") \($0.name)  \($0.record.manifest.hex.prefix(8))"
        }
        if !isDryRun, let model = models.first, models.count == 1 {
            let id = model.record.manifest.hex.prefix(8)
            lines += page.detail("cake tag \(id) \(model.name) brings it back until cake gc")
        }
        guard let removal else { return lines }
        lines.append("cake gc \(isDryRun ? "could then" : "can") free \(Quantities.bytes(removal.freed))")
        if removal.stays > 0 {
            lines.append(
                "\(Quantities.bytes(removal.stays)) \(isDryRun ? "would stay" : "stays"): layers of other models are deltas "
                    + "against it; cake gc --rebase \(isDryRun ? "could" : "can") free part of it")
        }
        return lines
    }

    private var names: [ModelName] { models.map(\.name) }

    var document: JSONValue { .array(names.map { JSONValue($0.string) }) }
}
