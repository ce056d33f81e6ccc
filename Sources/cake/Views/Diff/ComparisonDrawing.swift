import Model

/// A comparison as lines. Knows neither clock nor terminal.
struct ComparisonDrawing {
    let comparison: Comparison

    /// More rows than this do not fit on a screen: on a terminal the rest is counted.
    private static let screen = 40

    private var difference: Difference { comparison.difference }
    private var hasNumbers: Bool { comparison.numbers != nil }

    /// Blocks or tensors, other files, and what it comes to. `width` is nil where a line may be as long as it likes.
    func lines(listingTensors: Bool, width: Int?, style: Style) -> [String] {
        var lines = Facing(width: width, style: style).lines(of: [
            .init("A", comparison.before, .strong), .init("B", comparison.after, .strong),
        ])
        lines.append("")
        if !difference.tensors.isEmpty {
            lines += listingTensors ? tensorLines(width, style) : blockLines(width, style)
            lines.append("")
        }
        let files = fileLines(width, style)
        if !files.isEmpty { lines += files + [""] }
        return lines + summary.flatMap { text in width.map { TextWidth.wrap(text, to: $0) } ?? [text] }
    }

    /// Who asks for numbers would rather miss any other column.
    private static let numberColumns: [Table.Column] = [
        .init(title: "MAX", alignment: .right, importance: 7), .init(title: "MEAN", alignment: .right, importance: 5),
        .init(title: "MOVED", alignment: .right, importance: 6),
    ]

    private func numberCells(_ numbers: NumericDifference?) -> [Table.Cell] {
        guard hasNumbers else { return [] }
        guard let numbers, numbers.elements > 0 else { return ["", "", ""] }
        return [
            Table.Cell(Quantities.number(numbers.largest)), Table.Cell(numbers.mean.map(Quantities.number) ?? "-"),
            Table.Cell(Quantities.percent(numbers.changed, of: numbers.elements)),
        ]
    }

    private func blockLines(_ width: Int?, _ style: Style) -> [String] {
        let rows = DifferenceSummary(difference, numbers: comparison.numbers).rows
        var columns: [Table.Column] = [
            .init(title: "BLOCK", importance: 9, leastWidth: 14, keepsEnd: true),
            .init(title: "TENSORS", alignment: .right, importance: 3),
            .init(title: "WHAT", importance: 8, leastWidth: 10),
        ]
        let hasNew = rows.contains { $0.bytesChanged > 0 }
        if hasNew { columns.append(.init(title: "NEW", alignment: .right, importance: 4)) }
        var table = Table(columns + (hasNumbers ? Self.numberColumns : []))
        let shown = width == nil || rows.count <= Self.screen ? rows : Self.mostTelling(rows)
        for row in shown {
            let new = row.bytesChanged == 0 ? "" : Quantities.bytes(row.bytesChanged)
            let cells: [Table.Cell] = [
                Table.Cell(row.label), Table.Cell("\(row.counts.total)"),
                Table.Cell(Self.what(row.counts), Self.tone(row.counts)),
            ]
            table.add(cells + (hasNew ? [Table.Cell(new)] : []) + numberCells(row.numeric))
        }
        let rest = rows.count - shown.count
        let more = rest == 0 ? "" : "and \(rest) more blocks; --tensors lists every tensor"
        return table.lines(width: width, style: style)
            + TextWidth.wrap(more, to: width ?? .max).map { style.paint($0, .faint) }
    }

    /// Those that differ first, but each in its place.
    private static func mostTelling(_ rows: [DifferenceSummary.Row]) -> [DifferenceSummary.Row] {
        var room = max(0, screen - rows.count { $0.counts.kinds != [.same] })
        var kept: [DifferenceSummary.Row] = []
        for row in rows where kept.count < screen {
            if row.counts.kinds == [.same] {
                guard room > 0 else { continue }
                room -= 1
            }
            kept.append(row)
        }
        return kept
    }

    /// `same`, `changed`, or how many of each.
    private static func what(_ counts: DifferenceSummary.Counts) -> String {
        let kinds = counts.kinds
        if kinds.count == 1 { return kinds[0].words }
        return kinds.map { "\(counts[$0]) \($0.words)" }.joined(separator: ", ")
    }

    private static func tone(_ counts: DifferenceSummary.Counts) -> Style.Tone {
        let kinds = counts.kinds
        return kinds.count == 1 ? kinds[0].tone : .careful
    }

    private func tensorLines(_ width: Int?, _ style: Style) -> [String] {
        let hasOrigins = difference.tensors.contains { Self.origin(of: $0) != nil }
        var columns: [Table.Column] = [
            .init(title: "TENSOR", importance: 9, leastWidth: 28, keepsEnd: true), .init(title: "WHAT", importance: 8),
        ]
        if hasOrigins { columns.append(.init(title: "WAS", importance: 5, leastWidth: 8, keepsEnd: true)) }
        columns += [
            .init(title: "DTYPE", importance: 3), .init(title: "SHAPE", importance: 2),
            .init(title: "SIZE", alignment: .right, importance: 4),
        ]
        var table = Table(columns + (hasNumbers ? Self.numberColumns : []))
        for (index, change) in difference.tensors.enumerated() {
            guard let place = change.after ?? change.before else { continue }
            var cells: [Table.Cell] = [Table.Cell(change.name.string), Table.Cell(change.kind.words, change.kind.tone)]
            if hasOrigins { cells.append(Table.Cell(Self.origin(of: change) ?? "")) }
            cells += [
                Table.Cell(place.tensor.dtype.rawValue), Table.Cell(place.tensor.shapeText),
                Table.Cell(Quantities.bytes(place.size)),
            ]
            table.add(cells + numberCells(comparison.numbers(of: index)))
        }
        return table.lines(width: width, style: style)
    }

    /// What it was in the first model, where that is another name, dtype or shape.
    private static func origin(of change: Difference.TensorChange) -> String? {
        guard let before = change.before?.tensor else { return nil }
        return switch change.kind {
        case .renamed: before.name.string
        case .reshaped: before.shapeText
        case .dtypeChanged: before.dtype.rawValue
        case .same, .alike, .changed, .added, .removed, .unknown: nil
        }
    }

    /// Files that differ; those that do not are counted in the summary.
    private func fileLines(_ width: Int?, _ style: Style) -> [String] {
        let changes = difference.files.filter { $0.kind != .same }
        guard !changes.isEmpty else { return [] }
        var table = Table([
            .init(title: "FILE", importance: 9, leastWidth: 14, keepsEnd: true), .init(title: "WHAT", importance: 8),
            .init(title: "SIZE", alignment: .right, importance: 7),
        ])
        for change in changes {
            let sizes = [change.before, change.after].compactMap { $0.map { Quantities.bytes($0.size) } }
            let size = sizes.count == 2 && sizes[0] == sizes[1] ? sizes[0] : sizes.joined(separator: " → ")
            table.add([
                Table.Cell(change.path.string), Table.Cell(change.kind.words, change.kind.tone), Table.Cell(size),
            ])
        }
        return table.lines(width: width, style: style)
    }
}
