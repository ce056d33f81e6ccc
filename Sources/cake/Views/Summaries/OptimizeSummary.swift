import Model
import Transfer

/// What was, or would be, re-encoded.
struct OptimizeSummary: Summary {
    let report: Optimize.Report
    let isDryRun: Bool

    private var gain: UInt64 { report.before - min(report.before, report.after) }

    func lines(on page: Page) -> [String] {
        guard report.recoded > 0 else {
            return ["nothing to save in \(Quantities.count(report.layers, of: "layer"))"]
        }
        var lines = [
            "\(isDryRun ? "would re-encode" : "re-encoded") \(report.recoded) of "
                + Quantities.count(report.layers, of: "layer")
        ]
        if report.newBases > 0 {
            let tensors = Quantities.count(report.newBases, of: "tensor")
            lines += page.detail("\(tensors) \(isDryRun ? "would get" : "got") a better base")
        }
        let verb = isDryRun ? "would become" : "became"
        return lines
            + page.detail(
                "\(Quantities.bytes(report.before)) \(verb) \(Quantities.bytes(report.after)): "
                    + "\(Quantities.bytes(gain)) saved")
    }

    var document: JSONValue {
        [
            "layers": JSONValue(report.layers), "recoded": JSONValue(report.recoded),
            "better_bases": JSONValue(report.newBases),
            "bytes_before": JSONValue(report.before), "bytes_after": JSONValue(report.after),
            "bytes": JSONValue(gain), "dry_run": .bool(isDryRun),
        ]
    }
}
