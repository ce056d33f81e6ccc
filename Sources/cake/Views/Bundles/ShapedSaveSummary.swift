import Model
import Transfer

/// What was written for other tools.
struct ShapedSaveSummary: Summary {
    let report: ShapedSave.Report
    let place: String
    let elapsed: Duration

    var title: String {
        "saved \(report.name) as \(report.shape.title) \(report.imageName): \(Quantities.bytes(report.bytesWritten)) in "
            + Quantities.duration(elapsed)
    }

    func lines(on page: Page) -> [String] {
        let name = page.style.paint(report.name.description, .strong)
        return [
            "saved \(name) as \(report.shape.title) to \(place)  \(report.digest.short)  in \(Quantities.duration(elapsed))"
        ]
            + page.detail(
                "\(Quantities.bytes(report.bytes)) in \(Quantities.count(report.layers, of: "layer")), under the name "
                    + report.imageName)
    }

    var document: JSONValue {
        [
            "name": JSONValue(report.name.string), "shape": JSONValue(report.shape.rawValue),
            "digest": JSONValue("sha256:\(report.digest.hex)"), "image_name": JSONValue(report.imageName),
            "output": .array(report.paths.map { JSONValue($0) }), "bytes": JSONValue(report.bytes),
            "bytes_written": JSONValue(report.bytesWritten), "layers": JSONValue(report.layers),
        ]
    }
}
