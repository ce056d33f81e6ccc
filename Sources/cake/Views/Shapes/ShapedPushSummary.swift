import Model
import Transfer

/// What was sent to a registry in another tool's shape.
struct ShapedPushSummary: Summary {
    let report: ShapedPush.Report
    let name: ModelName
    let reference: RegistryReference
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let title = page.style.paint(reference.storeName, .strong)
        var sent =
            "  \(Quantities.bytes(report.bytesSent)) sent, for \(Quantities.count(report.layersSent, of: "layer"))"
        let there = report.layers - report.layersSent - report.layersMounted
        if there > 0 { sent += "; \(Quantities.count(there, of: "layer")) already there" }
        if report.layersMounted > 0 {
            sent += "; \(Quantities.count(report.layersMounted, of: "layer")) reused from other repositories"
        }
        return [
            "pushed \(name) as \(report.shape.title) to \(title)  \(report.digest.hex.prefix(12))  in "
                + Quantities.duration(elapsed),
            "  \(Quantities.count(report.files, of: "file")) in \(Quantities.count(report.layers, of: "layer")), "
                + Quantities.bytes(report.bytes),
            sent,
        ] + PushSummary.signatureLines(report.signatures)
            + PushSummary.tagLines(replaced: report.replaced, isSame: report.isSame)
    }

    var document: JSONValue {
        [
            "reference": JSONValue(reference.storeName), "shape": JSONValue(report.shape.rawValue),
            "digest": JSONValue("\(report.digest)"), "bytes": JSONValue(report.bytes),
            "bytes_sent": JSONValue(report.bytesSent), "files": JSONValue(report.files),
            "layers": JSONValue(report.layers), "layers_sent": JSONValue(report.layersSent),
            "layers_mounted": JSONValue(report.layersMounted), "signatures": JSONValue(report.signatures),
            "unchanged": .bool(report.isSame),
            "replaced": JSONValue(report.replaced.map { "\($0)" }),
        ]
    }
}

/// What such a push would send.
struct ShapedPushOutlook: Finding {
    let summary: ShapedPushSummary

    func lines(on page: Page) -> [String] {
        let report = summary.report
        return [
            "would send \(Quantities.bytes(report.bytesSent)) as \(report.shape.title): \(report.layersSent) of "
                + Quantities.count(report.layers, of: "layer")
        ]
            + (report.replaced.map { ["would move the tag \(summary.reference.storeName) from \($0.hex.prefix(12))"] }
                ?? [])
    }

    var document: JSONValue {
        let report = summary.report
        return [
            "reference": JSONValue(summary.reference.storeName), "shape": JSONValue(report.shape.rawValue),
            "dry_run": .bool(true), "digest": JSONValue("\(report.digest)"),
            "bytes_to_send": JSONValue(report.bytesSent), "files": JSONValue(report.files),
            "layers": JSONValue(report.layers), "layers_to_send": JSONValue(report.layersSent),
            "unchanged": .bool(report.isSame), "replaced": JSONValue(report.replaced.map { "\($0)" }),
        ]
    }
}

extension WrittenShape {
    /// In a sentence.
    var title: String {
        switch self {
        case .modelpack: "a ModelPack artifact"
        case .image: "an image"
        }
    }
}
