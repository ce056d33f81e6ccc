import Model
import Transfer

/// What came from a registry.
struct RegistryPullSummary: Summary {
    let report: RegistryPull.Report
    let name: ModelName
    /// The name in the registry, where the model got another one.
    let source: String?
    /// Of the manifest there.
    let digest: BlobName
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let title = page.style.paint(name.description, .strong) + (source.map { " from \($0)" } ?? "")
        var fetched =
            "\(Quantities.bytes(report.bytesFetched)) downloaded, for \(Quantities.count(report.layersFetched, of: "layer"))"
        if report.bytesHere > 0 { fetched += "; \(Quantities.bytes(report.bytesHere)) already here" }
        return ["pulled \(title)  \(digest.hex.prefix(12))  in \(Quantities.duration(elapsed))"]
            + (report.shape.map { page.detail("was a \($0.words)") } ?? [])
            + page.detail(
                "\(Quantities.bytes(report.bytes)) in \(Quantities.count(report.files, of: "file")), "
                    + Quantities.count(report.layers, of: "layer"))
            + page.detail(fetched)
            + page.detail("\(Quantities.bytes(report.bytesStored)) added to the store; every layer matches its digest")
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "manifest": JSONValue(report.manifest.hex),
            "commit": JSONValue(digest.hex), "files": JSONValue(report.files),
            "bytes": JSONValue(report.bytes), "bytes_fetched": JSONValue(report.bytesFetched),
            "bytes_here": JSONValue(report.bytesHere), "bytes_stored": JSONValue(report.bytesStored),
            "layers": JSONValue(report.layers), "layers_fetched": JSONValue(report.layersFetched),
            "shape": JSONValue(report.shape?.rawValue),
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
    /// Of a model that another tool pushed: then the bytes are those of its layers.
    var shape: ForeignShape?

    func lines(on page: Page) -> [String] {
        guard layersToFetch > 0 else {
            return ["would download nothing: every layer is here, \(Quantities.bytes(bytes)) of files"]
        }
        return [
            "would download \(Quantities.bytes(bytesToFetch)) for \(Quantities.count(layersToFetch, of: "layer")), "
                + (shape.map { "of a \($0.words) of \(Quantities.bytes(bytes))" }
                    ?? "of a model of \(Quantities.bytes(bytes))")
        ]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "commit": JSONValue(digest.hex), "dry_run": .bool(true),
            "bytes": JSONValue(bytes), "bytes_to_fetch": JSONValue(bytesToFetch),
            "layers_to_fetch": JSONValue(layersToFetch), "shape": JSONValue(shape?.rawValue),
        ]
    }
}
