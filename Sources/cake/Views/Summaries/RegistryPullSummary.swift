import Model
import Transfer

/// What came from a registry.
struct RegistryPullSummary: Summary {
    let report: RegistryPull.Report
    let name: ModelName
    /// Of the manifest there.
    let digest: BlobName
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let title = page.style.paint(name.description, .strong)
        var fetched = "  \(Quantities.bytes(report.bytesFetched)) fetched, for \(report.layersFetched) layers"
        if report.bytesHere > 0 { fetched += "; \(Quantities.bytes(report.bytesHere)) were here" }
        return [
            "pulled \(title)  \(digest.hex.prefix(12))  in \(Quantities.duration(elapsed))",
            "  \(Quantities.bytes(report.bytes)) in \(Quantities.count(report.files, of: "file")), \(report.layers) layers",
            fetched,
            "  \(Quantities.bytes(report.bytesStored)) more at rest; every layer has the digest that it is named by",
        ]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "manifest": JSONValue(report.manifest.hex),
            "commit": JSONValue(digest.hex), "files": JSONValue(report.files),
            "bytes": JSONValue(report.bytes), "bytes_fetched": JSONValue(report.bytesFetched),
            "bytes_here": JSONValue(report.bytesHere), "bytes_stored": JSONValue(report.bytesStored),
            "layers": JSONValue(report.layers), "layers_fetched": JSONValue(report.layersFetched),
        ]
    }
}

struct RegistryPullOutlookSummary: Finding {
    let bytesToFetch: UInt64
    let layersToFetch: Int
    /// Of the model's files.
    let bytes: UInt64
    let name: ModelName
    let digest: BlobName

    func lines(on page: Page) -> [String] {
        ["would fetch \(Quantities.bytes(bytesToFetch)) for \(layersToFetch) layers of \(Quantities.bytes(bytes))"]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "commit": JSONValue(digest.hex), "dry_run": .bool(true),
            "bytes": JSONValue(bytes), "bytes_to_fetch": JSONValue(bytesToFetch),
            "layers_to_fetch": JSONValue(layersToFetch),
        ]
    }
}
