import Model

/// An inspection as lines. Knows neither clock nor terminal.
struct InspectionDrawing {
    let inspection: Inspection
    /// Seconds since 1970.
    let now: Int

    /// `width` is nil where a line may be as long as it likes.
    func lines(width: Int?, style: Style) -> [String] {
        var lines = Facing(width: width, style: style).lines(of: title + facts + origin)
        var table = Table([
            .init(title: "FILE", importance: 9, leastWidth: 12, keepsEnd: true),
            .init(title: "TENSORS", alignment: .right, importance: 2),
            .init(title: "SIZE", alignment: .right, importance: 8),
        ])
        let hasTensors = inspection.files.contains { $0.tensors > 0 }
        for file in inspection.files {
            let count = hasTensors && file.tensors > 0 ? "\(file.tensors)" : ""
            table.add([Table.Cell(file.path.string), Table.Cell(count), Table.Cell(Quantities.bytes(file.size))])
        }
        lines.append("")
        return lines + table.lines(width: width, style: style)
    }

    /// Digests are shown as people read them on a terminal, and in full where they may be cut out.
    func tensorLines(_ rows: [Inspection.Row], width: Int?, style: Style) -> [String] {
        var columns: [Table.Column] = [
            .init(title: "TENSOR", importance: 9, leastWidth: 32, keepsEnd: true), .init(title: "DTYPE", importance: 7),
            .init(title: "SHAPE", importance: 6), .init(title: "SIZE", alignment: .right, importance: 5),
        ]
        let hasDigests = rows.contains { $0.digest != nil }
        if hasDigests { columns.append(.init(title: "DIGEST", importance: 3)) }
        var table = Table(columns)
        for row in rows {
            var cells: [Table.Cell] = [
                Table.Cell(row.tensor.name.string), Table.Cell(row.tensor.dtype.rawValue),
                Table.Cell(row.tensor.shapeText),
                Table.Cell(Quantities.bytes(row.tensor.byteCount ?? 0)),
            ]
            if let digest = row.digest { cells.append(Table.Cell(width == nil ? digest.hex : digest.short, .faint)) }
            table.add(cells)
        }
        return table.lines(width: width, style: style)
    }

    private typealias Line = Facing.Line

    private var title: [Line] {
        [Line(inspection.path == nil ? "Name" : "Path", inspection.title, .strong)]
    }

    private var facts: [Line] {
        let facts = inspection.facts
        let files = Quantities.count(inspection.files.count, of: "file")
        let archives = inspection.shape.map {
            $0.archives > 0 ? " and \(Quantities.count($0.archives, of: "archive"))" : ""
        }
        let size = Line("Size", "\(Quantities.bytes(inspection.size)) in \(files)\(archives ?? "")")
        if let gguf = inspection.gguf {
            return gguf.facts + (inspection.baseModel.map { [Line("Base model", $0)] } ?? []) + [size]
        }
        var lines: [Line] = []
        let architecture = facts.architectures.joined(separator: ", ")
        switch (architecture.isEmpty, facts.modelType) {
        case (false, let type?): lines.append(Line("Architecture", "\(architecture) (\(type))"))
        case (false, nil): lines.append(Line("Architecture", architecture))
        case (true, let type?): lines.append(Line("Architecture", type))
        case (true, nil): break
        }
        if facts.tensors > 0 {
            let tensors = Quantities.count(facts.tensors, of: "tensor")
            lines.append(Line("Parameters", "\(Quantities.count(facts.parameters)) in \(tensors)"))
            lines.append(Line("Dtypes", dtypes))
        } else if inspection.shape?.archives ?? 0 == 0 {
            lines.append(
                Line(
                    "Tensors",
                    inspection.remote?.isClosed == true ? "not known: its files are not readable for you" : "none"))
        }
        if let layers = facts.layers { lines.append(Line("Layers", "\(layers)")) }
        if let hidden = facts.hiddenSize { lines.append(Line("Hidden size", "\(hidden)")) }
        if let heads = facts.heads {
            let shared = facts.keyValueHeads.flatMap { $0 == heads ? nil : ", \($0) for keys and values" }
            lines.append(Line("Heads", "\(heads)\(shared ?? "")"))
        }
        if let experts = facts.experts { lines.append(Line("Experts", "\(experts)")) }
        if let context = facts.contextLength { lines.append(Line("Context", "\(context) tokens")) }
        if let vocabulary = facts.vocabulary { lines.append(Line("Vocabulary", "\(vocabulary) tokens")) }
        if let base = inspection.baseModel { lines.append(Line("Base model", base)) }
        return lines + [size]
    }

    /// `BF16`, or with what share of the parameters each has.
    private var dtypes: String {
        let facts = inspection.facts
        guard facts.dtypes.count > 1 else { return facts.dtypes.map(\.dtype.rawValue).joined() }
        return facts.dtypes.map { "\($0.dtype.rawValue) \(Quantities.percent($0.parameters, of: facts.parameters))" }
            .joined(separator: ", ")
    }

    private var origin: [Line] {
        var lines: [Line] = []
        if let source = inspection.source { lines.append(Line("Source", source)) }
        if let revision = inspection.revision { lines.append(Line("Revision", revision)) }
        if let commit = inspection.commit { lines.append(Line("Commit", commit)) }
        if let remote = inspection.remote { lines += Self.lines(of: remote) + [digests] }
        if let shape = inspection.shape { lines += shape.lines }
        if let bytes = inspection.bytesToFetch {
            lines.append(Line("Download", bytes == 0 ? "nothing: all layers are here" : Quantities.bytes(bytes)))
        }
        guard let named = inspection.named else { return lines }
        if let shape = named.record.shape { lines.append(Line("Was a", shape.words)) }
        let record = named.record
        if record.isIncomplete {
            lines.append(
                Line("Partial", "\(record.missingText); \(record.completing(named.name)) downloads the rest", .careful))
        }
        if let time = record.time { lines.append(Line("Age", Quantities.age(.seconds(now - time)))) }
        for signature in inspection.signatures {
            lines.append(Line("Signed by", "\(signature.text); cake verify --signature checks it"))
        }
        if record.isPinned { lines.append(Line("Pinned", "yes")) }
        return lines + [Line("ID", record.manifest.id), Line("Manifest", record.manifest.hex)]
    }
}

extension InspectionDrawing {
    private static func lines(of remote: Inspection.Remote) -> [Line] {
        let info = remote.info
        var lines: [Line] = []
        if info.isPrivate { lines.append(Line("Access", "private")) }
        switch info.gate {
        case .open: break
        case .automatic: lines.append(Line("Access", "gated: accept its terms on the Hub first"))
        case .manual: lines.append(Line("Access", "gated: its owner approves each request"))
        }
        if let license = info.license { lines.append(Line("License", license)) }
        if let task = info.task { lines.append(Line("Task", task)) }
        if let downloads = info.downloads { lines.append(Line("Downloads", Quantities.count(downloads))) }
        if remote.otherForms > 0 {
            let files = Quantities.count(remote.otherForms, of: "file")
            let size = Quantities.bytes(remote.otherBytes)
            lines.append(Line("Left out", "\(files) of \(size): the same weights in other formats"))
        }
        let bytes = remote.bytesToFetch
        lines.append(Line("Download", bytes == 0 ? "nothing: every file is in the store" : Quantities.bytes(bytes)))
        return lines
    }

    private var digests: Line {
        let total = inspection.tensors.count
        let known = inspection.tensors.count { $0.digest != nil }
        if known == total, total > 0 { return Line("Digests", "known: the files are in the store") }
        guard known > 0 else { return Line("Digests", "not known before a download") }
        return Line(
            "Digests", "known for \(Quantities.count(known, of: "tensor")) of files in the store, not for the others")
    }
}

extension Tensor {
    /// `4096x32`, `-` for a scalar: as manifests write it.
    var shapeText: String { shape.isEmpty ? "-" : shape.map { "\($0)" }.joined(separator: "x") }
}
