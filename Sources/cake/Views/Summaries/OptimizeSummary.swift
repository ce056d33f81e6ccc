import Model
import Transfer

/// What was, or would be, stored anew.
struct OptimizeSummary: Summary {
    let report: Optimize.Report
    let isDryRun: Bool

    private var gain: UInt64 { report.before - min(report.before, report.after) }

    func lines(on page: Page) -> [String] {
        guard report.recoded > 0 else { return ["\(report.layers) layers: nothing would take less room"] }
        let verb = isDryRun ? "would store" : "stored"
        return ["\(verb) \(report.recoded) of \(report.layers) layers anew"]
            + page.detail(
                "\(Quantities.bytes(report.before)) \(isDryRun ? "would become" : "became") "
                    + "\(Quantities.bytes(report.after)): \(Quantities.bytes(gain)) less")
    }

    var document: JSONValue {
        [
            "layers": JSONValue(report.layers), "recoded": JSONValue(report.recoded),
            "bytes_before": JSONValue(report.before), "bytes_after": JSONValue(report.after),
            "bytes": JSONValue(gain), "dry_run": .bool(isDryRun),
        ]
    }
}
