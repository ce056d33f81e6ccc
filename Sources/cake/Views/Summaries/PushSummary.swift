import Model
import Transfer

/// What was sent to a registry.
struct PushSummary: Summary {
    let report: Push.Report
    let name: ModelName
    let reference: RegistryReference
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let title = page.style.paint(reference.storeName, .strong)
        var sent =
            "  \(Quantities.bytes(report.bytesSent)) sent, for \(Quantities.count(report.layersSent, of: "layer"))"
        let there = report.packs - report.packsSent - report.packsMounted
        if there > 0 { sent += "; \(Quantities.count(there, of: "pack")) already there" }
        var lines = [
            "pushed \(name) to \(title)  \(report.digest.hex.prefix(12))  in \(Quantities.duration(elapsed))",
            "  \(Quantities.bytes(report.bytes)) of files, \(Quantities.count(report.layers, of: "layer")) in "
                + Quantities.count(report.packs, of: "pack"),
            sent,
        ]
        for one in report.reused {
            lines.append("  \(Quantities.count(one.packs, of: "pack")) reused from \(one.repository)")
        }
        for one in report.refused {
            let verb = one.packs == 1 ? "is" : "are"
            lines += page.detail(
                "\(Quantities.count(one.packs, of: "pack")) of \(one.repository) \(verb) "
                    + "\(one.isMissing ? "missing" : "damaged"): sent again")
        }
        if report.layersRecoded > 0 {
            lines += page.detail(
                "\(Quantities.count(report.layersRecoded, of: "delta")) sent as full tensors: no pack that can be reused has "
                    + "the base; push the base first, or name its repository with --base")
        }
        return lines + Self.signatureLines(report.signatures)
            + Self.tagLines(replaced: report.replaced, isSame: report.isSame)
    }

    static func signatureLines(_ count: Int) -> [String] {
        count > 0 ? ["  with \(Quantities.count(count, of: "signature")) of the store"] : []
    }

    /// A tag that moved, or did not have to.
    static func tagLines(replaced: BlobName?, isSame: Bool) -> [String] {
        (replaced.map { ["  the tag moved: it was \($0.hex.prefix(12)) before"] } ?? [])
            + (isSame ? ["  the tag named this model already"] : [])
    }

    var document: JSONValue {
        [
            "reference": JSONValue(reference.storeName), "digest": JSONValue("\(report.digest)"),
            "bytes": JSONValue(report.bytes), "bytes_sent": JSONValue(report.bytesSent),
            "layers": JSONValue(report.layers), "layers_sent": JSONValue(report.layersSent),
            "layers_recoded": JSONValue(report.layersRecoded), "packs": JSONValue(report.packs),
            "packs_sent": JSONValue(report.packsSent), "packs_mounted": JSONValue(report.packsMounted),
            "reused_from": Self.document(report.reused),
            "damaged": Self.document(report.refused.filter { !$0.isMissing }),
            "missing": Self.document(report.refused.filter(\.isMissing)),
            "signatures": JSONValue(report.signatures), "unchanged": .bool(report.isSame),
            "replaced": JSONValue(report.replaced.map { "\($0)" }),
        ]
    }

    static func document(_ counts: [Push.Count]) -> JSONValue {
        .array(counts.map { ["repository": JSONValue($0.repository.text), "packs": JSONValue($0.packs)] })
    }
}

/// What a push would send.
struct PushOutlookSummary: Finding {
    let outlook: Push.Outlook
    let reference: RegistryReference

    func lines(on page: Page) -> [String] {
        let most = outlook.layersToRecode > 0 ? "at most " : ""
        var lines = [
            "would send \(most)\(Quantities.bytes(outlook.bytesToSend)): \(outlook.layersToSend) of "
                + "\(Quantities.count(outlook.layers, of: "layer")), in \(outlook.packsToSend) of "
                + Quantities.count(outlook.packs, of: "pack")
        ]
        for one in outlook.reused {
            lines.append("  would reuse \(Quantities.count(one.packs, of: "pack")) from \(one.repository)")
        }
        if outlook.layersToProve > 0 {
            let layers = Quantities.count(outlook.layersToProve, of: "layer")
            lines += page.detail("\(layers) there would be checked first, and sent again where damaged")
        }
        return lines
    }

    var document: JSONValue {
        [
            "reference": JSONValue(reference.storeName), "dry_run": .bool(true),
            "bytes_to_send": JSONValue(outlook.bytesToSend), "packs": JSONValue(outlook.packs),
            "packs_to_send": JSONValue(outlook.packsToSend), "layers": JSONValue(outlook.layers),
            "layers_to_send": JSONValue(outlook.layersToSend),
            "layers_to_recode": JSONValue(outlook.layersToRecode),
            "layers_to_prove": JSONValue(outlook.layersToProve), "reused_from": PushSummary.document(outlook.reused),
        ]
    }
}
