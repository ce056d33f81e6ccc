import Model
internal import Storage
import Store

/// What a collection freed, or would free, and what it left.
struct CollectSummary: Summary {
    var collected = Collected()
    /// Nil when deltas were to stay as they are.
    var rebased: LocalStore.Rebased?
    var blobs = CollectedBlobs()
    /// Folders of the store that no command reads or removes, and their bytes.
    var damaged: [(folder: String, bytes: UInt64)] = []
    let isDryRun: Bool
    /// Object storage has no models but what was pushed.
    var isBucket = false

    func lines(on page: Page) -> [String] {
        let verb = isDryRun ? "would free" : "freed"
        let models = collected.layers + collected.manifests + collected.halfFetched + collected.interrupted
        var lines: [String] = []
        if models > 0 {
            lines.append(
                "\(verb) \(Quantities.bytes(collected.bytes)) in \(Quantities.count(collected.layers, of: "layer"))")
        } else if blobs.blobs + blobs.uploads == 0 {
            lines.append("nothing to collect")
        } else if !isBucket {
            lines.append("nothing to collect in models")
        }
        if let rebased, !rebased.bases.isEmpty {
            lines.append(
                "including \(Quantities.bytes(rebased.bytes)) by re-encoding "
                    + "\(Quantities.count(rebased.deltas, of: "delta")) against other bases")
        }
        if collected.halfFetched > 0 {
            lines.append("including \(Quantities.count(collected.halfFetched, of: "abandoned download"))")
        }
        if collected.interrupted > 0 {
            lines.append("including what \(Quantities.count(collected.interrupted, of: "interrupted command")) left")
        }
        if blobs.blobs + blobs.uploads > 0 {
            lines.append(
                "\(verb) \(Quantities.bytes(blobs.bytes)) of the registry in \(Quantities.count(blobs.blobs, of: "blob")) "
                    + "and \(Quantities.count(blobs.uploads, of: "upload"))")
        }
        if collected.keptBases > 0 {
            let how =
                rebased != nil
                ? "re-encoding more would not save space"
                : collected.untriedBases > 0
                    ? "cake gc --rebase can free part of it" : "cake gc --rebase found nothing to save there"
            lines.append(
                "kept \(Quantities.bytes(collected.keptBaseBytes)) in "
                    + "\(Quantities.count(collected.keptBases, of: "layer")) of removed models: layers of other models are "
                    + "deltas against it; \(how)")
        }
        if collected.keptHeld > 0 {
            lines.append(
                "kept \(Quantities.bytes(collected.keptHeldBytes)) in "
                    + "\(Quantities.count(collected.keptHeld, of: "layer")) that running commands use")
        }
        if collected.keptYoung > 0 {
            lines.append(
                "kept \(Quantities.bytes(collected.keptYoungBytes)) in "
                    + "\(Quantities.count(collected.keptYoung, of: "layer")) that no model has yet, younger than the grace "
                    + "time; cake gc --now frees it")
        }
        if collected.keptReplaced > 0 {
            lines.append(
                "kept \(Quantities.bytes(collected.keptReplacedBytes)) in "
                    + "\(Quantities.count(collected.keptReplaced, of: "layer")) of earlier versions; cake gc --now frees it"
            )
        }
        if collected.keptDownloads > 0 {
            lines.append(
                "kept \(Quantities.bytes(collected.keptDownloadBytes)) in "
                    + "\(Quantities.count(collected.keptDownloads, of: "unfinished download")), younger than the grace "
                    + "time; a pull resumes, cake gc --now frees it")
        }
        if blobs.keptBytes > 0 {
            lines.append(
                "kept \(Quantities.bytes(blobs.keptBytes)) of the registry for clients of cake serve, which got "
                    + "\(Quantities.count(blobs.keptManifests, of: "manifest")) within the grace time; cake gc --now frees it"
            )
        }
        if blobs.needed > 0 {
            lines.append(
                "kept \(Quantities.count(blobs.needed, of: "blob")) that \(blobs.needed == 1 ? "was" : "were") needed again"
            )
        }
        if blobs.left > 0 {
            lines.append(
                "left \(Quantities.count(blobs.left, of: "blob")): another collection is removing "
                    + "\(blobs.left == 1 ? "it" : "them"), or the storage did not answer in time; "
                    + "run cake gc again in ten minutes")
        }
        for (folder, bytes) in damaged where bytes > 0 {
            lines.append(
                "\(Quantities.bytes(bytes)) set aside as damaged: kept; to free it, delete what is in the store's folder \(folder)"
            )
        }
        return lines
    }

    var document: JSONValue {
        [
            "layers": JSONValue(collected.layers), "manifests": JSONValue(collected.manifests),
            "bytes": JSONValue(collected.bytes), "kept_young": JSONValue(collected.keptYoung),
            "kept_young_bytes": JSONValue(collected.keptYoungBytes),
            "kept_bases": JSONValue(collected.keptBases), "kept_base_bytes": JSONValue(collected.keptBaseBytes),
            "untried_bases": JSONValue(collected.untriedBases), "kept_held": JSONValue(collected.keptHeld),
            "kept_held_bytes": JSONValue(collected.keptHeldBytes),
            "rebased_bases": JSONValue(rebased?.bases.count ?? 0), "rebased_deltas": JSONValue(rebased?.deltas ?? 0),
            "rebased_bytes": JSONValue(rebased?.bytes ?? 0),
            "kept_earlier_versions": JSONValue(collected.keptReplaced),
            "kept_earlier_version_bytes": JSONValue(collected.keptReplacedBytes),
            "half_fetched": JSONValue(collected.halfFetched), "interrupted": JSONValue(collected.interrupted),
            "kept_downloads": JSONValue(collected.keptDownloads),
            "kept_download_bytes": JSONValue(collected.keptDownloadBytes), "registry_blobs": JSONValue(blobs.blobs),
            "registry_uploads": JSONValue(blobs.uploads), "registry_bytes": JSONValue(blobs.bytes),
            "kept_registry_manifests": JSONValue(blobs.keptManifests),
            "kept_registry_bytes": JSONValue(blobs.keptBytes),
            "needed_registry_blobs": JSONValue(blobs.needed), "left_registry_blobs": JSONValue(blobs.left),
            "kept_damaged_bytes": JSONValue(damaged.reduce(0) { $0 + $1.bytes }),
            "dry_run": .bool(isDryRun),
        ]
    }
}
