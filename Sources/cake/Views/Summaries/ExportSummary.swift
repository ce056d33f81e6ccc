import Model
import Platform
import Store
import Transfer

/// What was written.
struct ExportSummary: Summary {
    let report: Export.Report
    let named: LocalStore.Named
    /// Where it is.
    let place: String
    let format: ExportFormat
    /// What was checked.
    let proof: String
    /// Written as one more file.
    var signature: FoundSignature?
    let elapsed: Duration

    func lines(on page: Page) -> [String] {
        let title = "exported \(page.style.paint(named.name.description, .strong)) to \(Printable.escape(place))"
        if report.files == 0, report.filesThere > 0 {
            let files = Quantities.count(report.filesThere, of: "file")
            return [title] + page.detail("\(files) \(report.filesThere == 1 ? "was" : "were") there already; \(proof)")
        }
        let there =
            report.filesThere > 0
            ? "; \(report.filesThere) \(report.filesThere == 1 ? "was" : "were") there already" : ""
        return [title]
            + page.detail(
                "\(Quantities.count(report.files, of: "file")), \(Quantities.bytes(report.bytes)), \(proof)\(there); "
                    + "in \(Quantities.duration(elapsed))") + signatureLines(on: page)
    }

    private func signatureLines(on page: Page) -> [String] {
        guard let signature else { return [] }
        let key = signature.hint.map { " by the key \(Signer.short($0))" } ?? ""
        return page.detail("with \(SignatureBundle.fileName), the signature\(key)")
    }

    var document: JSONValue {
        [
            "name": JSONValue(named.name.string), "manifest": JSONValue(named.record.manifest.hex),
            "output": JSONValue(place), "format": JSONValue(format.rawValue),
            "files": JSONValue(report.files), "bytes": JSONValue(report.bytes),
            "files_there": JSONValue(report.filesThere),
            "signature": JSONValue(signature.map { _ in SignatureBundle.fileName }),
        ]
    }
}

/// What would be written.
struct ExportOutlookSummary: Finding {
    let files: [(path: String, size: UInt64)]

    func lines(on page: Page) -> [String] {
        files.map { "\(Printable.escape($0.path))  \(Quantities.bytes($0.size))" }
    }

    var document: JSONValue {
        [
            "dry_run": .bool(true), "bytes": JSONValue(files.reduce(0) { $0 + $1.size }),
            "files": .array(files.map { ["path": JSONValue($0.path), "bytes": JSONValue($0.size)] }),
        ]
    }
}
