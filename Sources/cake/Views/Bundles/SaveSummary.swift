import Model
import Transfer

/// What was written into a bundle.
struct SaveSummary: Summary {
    let report: Save.Report
    /// Whether a person said what the other side has.
    let isTold: Bool
    let place: String
    let elapsed: Duration

    private var models: String {
        report.models.count == 1 ? "\(report.models[0])" : Quantities.count(report.models.count, of: "model")
    }

    var title: String {
        "saved \(models): \(Quantities.bytes(report.bytesWritten)) in \(Quantities.duration(elapsed))"
    }

    func lines(on page: Page) -> [String] {
        let shown = page.style.paint(models, .strong)
        let parts = report.paths.count > 1 ? " in \(report.paths.count) parts" : ""
        var lines = ["saved \(shown) to \(place)\(parts)  in \(Quantities.duration(elapsed))"]
        lines += page.detail(
            "\(Quantities.bytes(report.bytes)) of files, \(Quantities.count(report.layers, of: "layer"))")
        lines += page.detail(
            "\(Quantities.bytes(report.bytesWritten)) written, for \(Quantities.count(report.layersWritten, of: "layer")) in "
                + Quantities.count(report.packs, of: "pack"))
        if isTold {
            lines += page.detail(
                "\(Quantities.count(report.layersLeftOut, of: "layer")) left out "
                    + "(\(Quantities.bytes(report.bytesLeftOut))): the other side has \(report.layersLeftOut == 1 ? "it" : "them")"
            )
        }
        if report.layersRecoded > 0 {
            lines += page.detail(
                "\(Quantities.count(report.layersRecoded, of: "delta")) written whole: "
                    + "\(report.layersRecoded == 1 ? "its base is" : "their bases are") in no model of the bundle")
        }
        return lines
    }

    var document: JSONValue {
        [
            "models": .array(report.models.map { JSONValue($0.string) }),
            "output": .array(report.paths.map { JSONValue($0) }), "bytes": JSONValue(report.bytes),
            "bytes_written": JSONValue(report.bytesWritten), "layers": JSONValue(report.layers),
            "layers_written": JSONValue(report.layersWritten), "layers_left_out": JSONValue(report.layersLeftOut),
            "bytes_left_out": JSONValue(report.bytesLeftOut), "layers_recoded": JSONValue(report.layersRecoded),
            "packs": JSONValue(report.packs),
        ]
    }
}
