import Model
import Transfer

/// What room of a cache was, or would be, given back.
struct ReclaimSummary: Summary {
    let report: Reclaim.Report
    let plan: Reclaim.Plan
    let deletes: Bool
    let isDryRun: Bool

    func lines(on page: Page) -> [String] {
        let (files, bytes) = isDryRun ? (plan.blobs.count, plan.bytes) : (report.blobs, report.bytes)
        let done = deletes ? "removed" : "now other names of exported ones"
        return [
            "\(Quantities.count(files, of: "file")) of the cache, \(Quantities.bytes(bytes)), "
                + (isDryRun ? "would be \(done)" : done)
        ]
    }

    var document: JSONValue {
        [
            "files": JSONValue(plan.blobs.count), "bytes": JSONValue(plan.bytes),
            "files_done": JSONValue(report.blobs), "bytes_done": JSONValue(report.bytes),
            "dry_run": JSONValue.bool(isDryRun),
        ]
    }
}
