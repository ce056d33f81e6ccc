import Model
import Transfer

/// What was, or would be, put into the store from this disk.
struct ImportSummary: Summary {
    let report: Import.Report
    let isDryRun: Bool
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let name = page.style.paint(report.name.description, .strong)
        let verb = isDryRun ? "would import" : "imported"
        var lines = ["\(verb) \(name)  \(report.manifest.short)  in \(Quantities.duration(elapsed))"]
        lines += page.detail(
            "\(Quantities.bytes(report.bytes)) in \(Quantities.count(report.files, of: "file")), \(Quantities.count(report.tensors, of: "tensor"))"
        )
        let new = report.bytes - report.bytesKnown
        var line = "\(Quantities.bytes(new)) new"
        if !isDryRun, new > 0 { line += ", stored in \(Quantities.bytes(report.bytesStored))" }
        if report.bytesKnown > 0 {
            let share = Quantities.percent(report.bytesKnown, of: report.bytes)
            line += "; \(Quantities.bytes(report.bytesKnown)) (\(share)) already here"
        }
        lines += page.detail(line)
        if let replaced = report.replaced {
            lines +=
                isDryRun
                ? page.detail("\(report.name) is \(replaced.hex.prefix(8)) now")
                : BringBackSummary.hint(report.name, replaced, on: page)
        }
        return lines
    }

    var document: JSONValue {
        [
            "name": JSONValue(report.name.string), "manifest": JSONValue(report.manifest.hex),
            "files": JSONValue(report.files), "tensors": JSONValue(report.tensors), "bytes": JSONValue(report.bytes),
            "bytes_known": JSONValue(report.bytesKnown), "bytes_stored": JSONValue(report.bytesStored),
            "replaced": JSONValue(report.replaced?.hex), "dry_run": JSONValue.bool(isDryRun),
        ]
    }
}
