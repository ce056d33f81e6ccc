import Model
internal import Storage
import Store

/// A tag that is, or would be, gone from its registry.
struct RemoteRemoveSummary: Prose {
    let reference: RegistryReference
    let digest: BlobName
    let isDryRun: Bool

    func lines(on page: Page) -> [String] {
        ["\(isDryRun ? "would remove" : "removed") \(reference.storeName)  \(digest.hex.prefix(12))"]
    }

    /// Of several of them.
    static func document(of removed: [RemoteRemoveSummary], isDryRun: Bool) -> JSONValue {
        [
            "names": .array(removed.map { JSONValue($0.reference.storeName) }),
            "models": .array(
                removed.map { ["name": JSONValue($0.reference.storeName), "manifest": JSONValue($0.digest.hex)] }),
            "dry_run": .bool(isDryRun),
        ]
    }
}

/// Models that are, or would be, without a name.
struct RemoveSummary: Summary {
    let models: [LocalStore.Named]
    let isDryRun: Bool
    /// What that makes free, where it is known.
    let removal: LocalStore.Removal?
    /// The same of the registry.
    let blobs: CollectedBlobs?

    func lines(on page: Page) -> [String] {
        var lines = models.map {
            "\(isDryRun ? "would remove" : "removed") \($0.name)  \($0.record.manifest.hex.prefix(8))"
        }
        if !isDryRun, let model = models.first, models.count == 1 {
            let id = model.record.manifest.hex.prefix(8)
            lines += page.detail("cake tag \(id) \(model.name) brings it back until cake gc")
        }
        guard let removal else { return lines }
        let registry = blobs.map { $0.bytes > 0 ? ", and \(Quantities.bytes($0.bytes)) of the registry" : "" } ?? ""
        lines.append(
            "cake gc \(isDryRun ? "could then" : "can") free \(Quantities.bytes(removal.freed))\(registry)")
        let stays = isDryRun ? "would stay" : "stays"
        if removal.stays > 0 {
            let how =
                removal.mayRebase
                ? "cake gc --rebase \(isDryRun ? "could" : "can") free part of it"
                : "cake gc --rebase found nothing to save there"
            lines.append(
                "\(Quantities.bytes(removal.stays)) \(stays): layers of other models are deltas against it; \(how)")
        }
        if removal.held > 0 {
            lines.append("\(Quantities.bytes(removal.held)) \(stays) until the commands end that use it now")
        }
        if let blobs, blobs.keptBytes > 0 {
            lines.append(
                "\(Quantities.bytes(blobs.keptBytes)) \(stays) for a day for clients of cake serve, which got "
                    + "\(Quantities.count(blobs.keptManifests, of: "manifest")); cake gc --now frees it")
        }
        return lines
    }

    var document: JSONValue {
        [
            "names": .array(models.map { JSONValue($0.name.string) }),
            "models": .array(
                models.map { ["name": JSONValue($0.name.string), "manifest": JSONValue($0.record.manifest.hex)] }),
            "dry_run": .bool(isDryRun), "bytes": JSONValue(removal?.freed),
            "kept_bases": JSONValue(removal?.layersStaying), "kept_base_bytes": JSONValue(removal?.stays),
            "may_rebase": removal.map { .bool($0.mayRebase) } ?? .null, "kept_held_bytes": JSONValue(removal?.held),
            "registry_bytes": JSONValue(removal == nil ? nil : blobs?.bytes ?? 0),
            "kept_registry_bytes": JSONValue(removal == nil ? nil : blobs?.keptBytes ?? 0),
        ]
    }
}
