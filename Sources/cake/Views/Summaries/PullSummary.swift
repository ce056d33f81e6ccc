import Model
import Transfer

/// What came from the Hub.
struct PullSummary: Summary {
    let report: Pull.Report
    /// Of mirrors.
    let bytesNear: UInt64
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let name = page.style.paint(report.name.description, .strong)
        var lines = [
            "pulled \(name)  \(report.commit.prefix(7))  in \(Quantities.duration(elapsed))",
            "  \(Quantities.bytes(report.bytes)) in \(Quantities.count(report.files, of: "file"))",
        ]
        var line = "  \(Quantities.bytes(report.bytesFetched)) fetched"
        if bytesNear > 0 { line += ", \(Quantities.bytes(bytesNear)) of it from mirrors" }
        if let (layers, place) = report.layers, layers > 0 {
            line += ", \(Quantities.bytes(layers)) of it as layers from \(place)"
        }
        for proof in Pull.Proof.allCases {
            guard let bytes = report.bytesSaved[proof], bytes > 0 else { continue }
            line += "; \(Quantities.bytes(bytes)) not: \(proof.rawValue)"
        }
        lines.append(line)
        let atRest = "\(Quantities.bytes(report.bytesStored)) more at rest"
        guard let (here, missing) = report.tensors else {
            return lines + ["  \(atRest); every file is as its publisher's hash says"]
        }
        lines.append("  \(atRest); \(here) of \(here + missing) tensors")
        return lines
            + page.detail(
                "a part is not checked: a publisher's hash is of whole files; cake pull \(report.name) completes it")
    }

    var document: JSONValue {
        var saved = JSONObject()
        for proof in Pull.Proof.allCases { saved.append(proof.rawValue, JSONValue(report.bytesSaved[proof] ?? 0)) }
        return [
            "name": JSONValue(report.name.string), "manifest": JSONValue(report.manifest.hex),
            "commit": JSONValue(report.commit), "files": JSONValue(report.files), "bytes": JSONValue(report.bytes),
            "bytes_fetched": JSONValue(report.bytesFetched), "bytes_not_moved": .object(saved),
            "bytes_from_mirrors": JSONValue(bytesNear), "bytes_as_layers": JSONValue(report.layers?.bytes ?? 0),
            "bytes_stored": JSONValue(report.bytesStored), "partial": .bool(report.tensors != nil),
            "tensors_missing": JSONValue(report.tensors?.missing ?? 0),
        ]
    }
}

/// What a pull would do now: what is here whole, and what is not.
struct PullOutlookSummary: Finding {
    let outlook: PullOutlook
    let name: ModelName
    let commit: String
    let choice: WeightSelection.Choice

    func lines(on page: Page) -> [String] {
        let missing = outlook.items
        return missing.map { "\(Quantities.bytes($0.size))  \($0.path)" } + [
            "would fetch \(Quantities.bytes(outlook.bytesToFetch)) of \(Quantities.bytes(choice.size)), "
                + "in \(missing.count) of \(choice.files.count) files"
                + (outlook.place.map { ", as layers from \($0)" } ?? "")
        ]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "commit": JSONValue(commit), "dry_run": .bool(true),
            "bytes": JSONValue(choice.size), "bytes_to_fetch": JSONValue(outlook.bytesToFetch),
            "files_to_fetch": .array(outlook.items.map { JSONValue($0.path.string) }),
            "layers_from": JSONValue(outlook.place),
        ]
    }
}

/// The same of some tensors of a model.
struct PartOutlookSummary: Finding {
    let outlook: PartOutlook
    let name: ModelName

    func lines(on page: Page) -> [String] {
        outlook.items.map { item in
            let tensors = item.tensors.map { ", \(Quantities.count($0, of: "tensor"))" } ?? ""
            return "\(Quantities.bytes(item.bytes))  \(item.path)\(tensors)"
        } + [
            "would fetch \(Quantities.bytes(outlook.bytesToFetch)) of \(Quantities.bytes(outlook.bytes)), for "
                + "\(outlook.tensorsWanted) of \(outlook.tensors) tensors"
        ]
    }

    var document: JSONValue {
        [
            "name": JSONValue(name.string), "dry_run": .bool(true), "bytes": JSONValue(outlook.bytes),
            "bytes_to_fetch": JSONValue(outlook.bytesToFetch), "tensors": JSONValue(outlook.tensorsWanted),
            "files_to_fetch": .array(outlook.items.map { JSONValue($0.path.string) }),
        ]
    }
}
