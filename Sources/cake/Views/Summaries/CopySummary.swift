import Model
import Transfer

/// What passed, or would pass, from one registry to another.
struct CopySummary: Summary {
    let report: RegistryCopy.Report
    let source: RegistryReference
    let target: RegistryReference
    let isDryRun: Bool
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let sent = "\(Quantities.bytes(report.bytesSent)) of \(Quantities.bytes(report.bytes))"
        let blobs = "in \(report.blobsSent) of \(Quantities.count(report.blobs, of: "blob"))"
        guard !isDryRun else {
            return ["would send \(sent), \(blobs)"]
                + (report.replaced.map { ["would move the tag \(target.storeName) from \($0.hex.prefix(12))"] } ?? [])
        }
        let mounted =
            report.blobsMounted > 0
            ? "; \(Quantities.count(report.blobsMounted, of: "blob")) reused from \(source.path)" : ""
        return [
            "copied \(source.storeName) to \(target.storeName)  \(report.digest.hex.prefix(12))  in \(Quantities.duration(elapsed))",
            "  \(sent) sent, \(blobs)\(mounted)",
        ] + PushSummary.tagLines(replaced: report.replaced, isSame: report.isSame)
    }

    func quietLines(on page: Page) -> [String] { isDryRun ? lines(on: page) : [] }

    var document: JSONValue {
        [
            "reference": JSONValue(target.storeName), "digest": JSONValue("\(report.digest)"),
            "dry_run": .bool(isDryRun), "bytes": JSONValue(report.bytes), "bytes_sent": JSONValue(report.bytesSent),
            "blobs": JSONValue(report.blobs), "blobs_sent": JSONValue(report.blobsSent),
            "blobs_mounted": JSONValue(report.blobsMounted),
            "replaced": JSONValue(report.replaced.map { "\($0)" }), "unchanged": .bool(report.isSame),
        ]
    }
}
