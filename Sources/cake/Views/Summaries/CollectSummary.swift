import Model
internal import Storage
import Store

/// What a collection freed, or would free, and what it left.
struct CollectSummary: Summary {
    let collected: Collected
    let blobs: CollectedBlobs
    /// Folders of the store that no command reads or removes, and their bytes.
    let damaged: [(folder: String, bytes: UInt64)]
    let isDryRun: Bool

    func lines(on page: Page) -> [String] {
        let verb = isDryRun ? "would free" : "freed"
        let models = collected.layers + collected.manifests + collected.halfFetched + collected.interrupted
        var lines: [String] = []
        if models > 0 {
            lines.append(
                "\(verb) \(Quantities.bytes(collected.bytes)) in \(Quantities.count(collected.layers, of: "layer"))")
        } else {
            lines.append(blobs.blobs + blobs.uploads == 0 ? "nothing to collect" : "nothing of models to collect")
        }
        if collected.halfFetched > 0 {
            lines.append("including \(Quantities.count(collected.halfFetched, of: "abandoned download"))")
        }
        if collected.interrupted > 0 {
            lines.append("including what \(Quantities.count(collected.interrupted, of: "interrupted command")) left")
        }
        if blobs.blobs + blobs.uploads > 0 {
            lines.append(
                "\(verb) \(Quantities.bytes(blobs.bytes)) of the registry, in \(blobs.blobs) blobs and \(blobs.uploads) uploads"
            )
        }
        if collected.keptYoung > 0 {
            lines.append(
                "\(Quantities.count(collected.keptYoung, of: "layer")) of no model, "
                    + "\(Quantities.bytes(collected.keptYoungBytes)), "
                    + "younger than the grace time: kept; --grace 0s frees them too")
        }
        if collected.keptReplaced > 0 {
            lines.append(
                "kept \(Quantities.count(collected.keptReplaced, of: "layer")) of earlier versions, "
                    + "\(Quantities.bytes(collected.keptReplacedBytes)); cake gc --now frees them too")
        }
        if collected.keptDownloads > 0 {
            lines.append(
                "\(Quantities.count(collected.keptDownloads, of: "unfinished download")), "
                    + "\(Quantities.bytes(collected.keptDownloadBytes)), younger than the grace time: kept; "
                    + "a pull goes on with them, --grace 0s frees them")
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
            "kept_earlier_versions": JSONValue(collected.keptReplaced),
            "kept_earlier_version_bytes": JSONValue(collected.keptReplacedBytes),
            "half_fetched": JSONValue(collected.halfFetched), "interrupted": JSONValue(collected.interrupted),
            "kept_downloads": JSONValue(collected.keptDownloads),
            "kept_download_bytes": JSONValue(collected.keptDownloadBytes), "registry_blobs": JSONValue(blobs.blobs),
            "registry_uploads": JSONValue(blobs.uploads), "registry_bytes": JSONValue(blobs.bytes),
            "kept_damaged_bytes": JSONValue(damaged.reduce(0) { $0 + $1.bytes }),
            "dry_run": .bool(isDryRun),
        ]
    }
}
