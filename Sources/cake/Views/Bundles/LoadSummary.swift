import Model
import Transfer

/// What was, and what was not, put into the store from bundles.
struct LoadSummary: Summary {
    let report: Load.Report
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        var lines: [String] = []
        for model in report.models {
            let name = page.style.paint(model.name.description, .strong)
            lines.append("loaded \(name)  \(model.manifest.short)")
            lines += page.detail(
                (model.shape.map { "from \($0 == .image ? "an" : "a") \($0.words); " } ?? "")
                    + "\(Quantities.bytes(model.bytes)) in \(Quantities.count(model.files, of: "file")), "
                    + Quantities.count(model.layers, of: "layer")
                    + (model.signatures > 0 ? ", \(Quantities.count(model.signatures, of: "signature"))" : ""))
            if let replaced = model.replaced { lines += BringBackSummary.hint(model.name, replaced, on: page) }
        }
        for model in report.unfinished where model.isInOtherPart {
            lines.append(
                "\(page.style.paint(model.name.description, .strong)) is not complete: "
                    + "\(Quantities.count(model.layers, of: "layer")) (\(Quantities.bytes(model.bytes))) are in other parts"
            )
        }
        if let parts = report.parts, !report.unfinished.isEmpty {
            lines.append(
                "loaded \(report.partsRead.count) of \(parts) parts; load the others within a day, in their order")
        }
        var here =
            "\(Quantities.bytes(report.bytesTaken)) new, for \(Quantities.count(report.layersStored, of: "layer"))"
        if report.layersHere > 0 {
            here +=
                "; \(Quantities.count(report.layersHere, of: "layer")) (\(Quantities.bytes(report.bytesHere))) already here"
        }
        lines.append("\(here); in \(Quantities.duration(elapsed))")
        if report.layersStored > 0 {
            lines.append("\(Quantities.bytes(report.bytesStored)) added to the store; every layer matches its digest")
        }
        return lines
    }

    var notes: [String] {
        report.others.map { "passed over \($0): it is no model" }
            + report.complaints.map { "stored without tensors: \($0.what)" }
    }

    /// A model relies on layers that are not here.
    static func failure(_ report: Load.Report) -> CakeError? {
        let unmet = report.unfinished.filter { !$0.isInOtherPart }
        guard let first = unmet.first else { return nil }
        let more = first.layers > first.examples.count ? "…" : ""
        let others = unmet.count > 1 ? ", and \(unmet.count - 1) more" : ""
        return CakeError(
            .notFound,
            "\(first.name)\(others) was not loaded: the bundle leaves out "
                + "\(Quantities.count(first.layers, of: "layer")) (\(Quantities.bytes(first.bytes))) that "
                + "\(first.layers == 1 ? "is" : "are") not here: \(first.examples.map(\.short).joined(separator: ", "))\(more)",
            fix: "here: cake have > LIST; there: cake save \(first.name) -o FILE --not-in LIST")
    }

    var document: JSONValue {
        let models = report.models.map { model -> JSONValue in
            [
                "name": JSONValue(model.name.string), "manifest": JSONValue(model.manifest.hex),
                "files": JSONValue(model.files), "bytes": JSONValue(model.bytes), "layers": JSONValue(model.layers),
                "signatures": JSONValue(model.signatures), "shape": JSONValue(model.shape?.rawValue),
                "replaced": JSONValue(model.replaced?.hex),
            ]
        }
        let unfinished = report.unfinished.map { model -> JSONValue in
            [
                "name": JSONValue(model.name.string), "layers_missing": JSONValue(model.layers),
                "bytes_missing": JSONValue(model.bytes), "in_other_part": .bool(model.isInOtherPart),
            ]
        }
        return [
            "models": .array(models), "unfinished": .array(unfinished), "parts": JSONValue(report.parts),
            "parts_loaded": JSONValue(report.parts.map { _ in report.partsRead.count }),
            "bytes_new": JSONValue(report.bytesTaken), "layers_new": JSONValue(report.layersStored),
            "bytes_here": JSONValue(report.bytesHere), "layers_here": JSONValue(report.layersHere),
            "bytes_stored": JSONValue(report.bytesStored),
            "passed_over": .array(report.others.map { JSONValue($0) }),
        ]
    }
}
