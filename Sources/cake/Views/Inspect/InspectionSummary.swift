import Model

/// What a model is, or its tensors alone.
struct InspectionSummary: Finding {
    let inspection: Inspection
    /// Nil where the tensors were not asked for.
    let rows: [Inspection.Row]?
    /// The same of a model in GGUF files.
    var entries: [GGUF.Entry]?
    /// No file of it could be looked into.
    let isRefused: Bool
    let now: Int

    var notes: [String] {
        guard let rows, rows.isEmpty, entries?.isEmpty != false, !isRefused else { return [] }
        let total = inspection.gguf?.entries.count ?? inspection.tensors.count
        return [total == 0 ? "the model has no tensors" : "none of the \(total) tensors matches"]
    }

    func lines(on page: Page) -> [String] {
        let drawing = InspectionDrawing(inspection: inspection, now: now)
        guard let rows else { return drawing.lines(width: page.tableWidth, style: page.style) }
        if let entries, let gguf = inspection.gguf {
            return entries.isEmpty ? [] : gguf.tensorLines(entries, width: page.tableWidth, style: page.style)
        }
        return rows.isEmpty ? [] : drawing.tensorLines(rows, width: page.tableWidth, style: page.style)
    }

    var document: JSONValue { .object(InspectionDocument.document(inspection)) }

    var longList: LongList? {
        if let entries { return LongList(key: "tensors", elements: entries.lazy.map { GGUFInspection.document($0) }) }
        return rows.map { LongList(key: "tensors", elements: $0.lazy.map { InspectionDocument.document($0) }) }
    }
}

/// The same of a GGUF file.
struct GGUFSummary: Finding {
    let inspection: GGUFInspection
    let entries: [GGUF.Entry]?

    var notes: [String] { entries?.isEmpty == true ? ["none of the tensors matches"] : [] }

    func lines(on page: Page) -> [String] {
        guard let entries else { return inspection.lines(width: page.tableWidth, style: page.style) }
        return entries.isEmpty ? [] : inspection.tensorLines(entries, width: page.tableWidth, style: page.style)
    }

    var document: JSONValue { inspection.document }

    var longList: LongList? {
        entries.map { LongList(key: "tensors", elements: $0.lazy.map { GGUFInspection.document($0) }) }
    }
}
