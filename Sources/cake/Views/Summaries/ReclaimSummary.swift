import Model
import Transfer

/// Which files of a cache are removed or replaced, and which stay.
struct ReclaimPlanSummary: Prose {
    let plan: Reclaim.Plan
    let isDryRun: Bool

    var notes: [String] {
        plan.snapshots.filter { !$0.unknown.isEmpty }.map { snapshot in
            let count = snapshot.unknown.count
            return
                "\(snapshot.name): \(count == 1 ? "1 file is not in the store and stays" : "\(count) files are not in the store and stay")"
        }
    }

    func lines(on page: Page) -> [String] {
        plan.blobs.map { "\($0.name)  \($0.path)  \(Quantities.bytes($0.file.size))" }
    }

    func quietLines(on page: Page) -> [String] { isDryRun ? lines(on: page) : [] }
}

/// How much disk space of a cache was, or would be, freed.
struct ReclaimSummary: Summary {
    let report: Reclaim.Report
    let plan: Reclaim.Plan
    let deletes: Bool
    let isDryRun: Bool

    func lines(on page: Page) -> [String] {
        let (files, bytes) = isDryRun ? (plan.blobs.count, plan.bytes) : (report.blobs, report.bytes)
        let done = deletes ? "removed" : "replaced by links to the exported files"
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
