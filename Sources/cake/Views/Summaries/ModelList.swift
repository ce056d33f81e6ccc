import Model
import Platform
import Store

/// The models of a store, one in a row.
struct ModelList: Summary {
    let models: [Usage.Model]
    let showsNamesOnly: Bool
    /// They are those that fit.
    let isFiltered: Bool

    var notes: [String] {
        guard models.isEmpty, !showsNamesOnly else { return [] }
        return [isFiltered ? "no model fits" : "the store is empty; cake import PATH puts a model in"]
    }

    func lines(on page: Page) -> [String] {
        if showsNamesOnly { return quietLines(on: page) }
        return models.isEmpty ? [] : table.lines(on: page)
    }

    func quietLines(on page: Page) -> [String] { models.map(\.named.name.description) }

    private var table: Table {
        let hasDeltas = models.contains { $0.spared > 0 }
        var columns: [Table.Column] = [
            .init(title: "NAME", importance: 9, leastWidth: 12),
            .init(title: "FILES", alignment: .right, importance: 2),
            .init(title: "TENSORS", alignment: .right, importance: 3),
            .init(title: "PARAMS", alignment: .right, importance: 6),
            .init(title: "SIZE", alignment: .right, importance: 8),
            .init(title: "AT REST", alignment: .right, importance: 7),
            .init(title: "ALONE", alignment: .right, importance: 5),
            .init(title: "SHARED", alignment: .right, importance: 4),
        ]
        let hasOthers = models.contains { $0.named.place != nil }
        if hasOthers { columns.append(.init(title: "IN", importance: 2, leastWidth: 8, keepsEnd: true)) }
        if hasDeltas { columns.append(.init(title: "DELTAS", alignment: .right, importance: 4)) }
        var table = Table(columns + [.init(title: "AGE", alignment: .right, importance: 1)])
        let now = Machine.now
        for model in models {
            let record = model.named.record
            let pin = (record.isPinned ? " (pinned)" : "") + (record.isPartial ? " (partial)" : "")
            var cells: [Table.Cell] = [
                Table.Cell(model.named.name.string + pin, .strong), "\(model.files)", "\(model.tensors)",
                Table.Cell(Quantities.count(model.parameters)), Table.Cell(Quantities.bytes(model.size)),
                Table.Cell(Quantities.bytes(model.atRest)), Table.Cell(Quantities.bytes(model.alone)),
                Table.Cell(Quantities.bytes(model.shared)),
            ]
            if hasOthers { cells.append(Table.Cell(model.named.place ?? "")) }
            if hasDeltas { cells.append(Table.Cell(model.spared > 0 ? "-" + Quantities.bytes(model.spared) : "")) }
            cells.append(Table.Cell(model.named.record.time.map { Quantities.age(.seconds(now - $0)) } ?? "", .faint))
            table.add(cells)
        }
        return table
    }

    var document: JSONValue { .array(models.map(document)) }

    private func document(_ model: Usage.Model) -> JSONValue {
        let record = model.named.record
        return [
            "name": JSONValue(model.named.name.string), "manifest": JSONValue(record.manifest.hex),
            "files": JSONValue(model.files), "tensors": JSONValue(model.tensors),
            "parameters": JSONValue(model.parameters), "bytes": JSONValue(model.size),
            "bytes_at_rest": JSONValue(model.atRest), "bytes_alone": JSONValue(model.alone),
            "bytes_shared": JSONValue(model.shared),
            "bytes_spared_by_deltas": JSONValue(model.spared), "pinned": .bool(record.isPinned),
            "partial": .bool(record.isPartial),
            "time": JSONValue(record.time), "source": JSONValue(record.source),
            "store": JSONValue(model.named.place), "revision": JSONValue(record.revision),
            "commit": JSONValue(record.commit),
        ]
    }
}
