import Model
import Platform
import Store

/// The models of a store, one in a row.
struct ModelList: Summary {
    let models: [Usage.Model]
    let showsNamesOnly: Bool
    let isLong: Bool
    let format: ListFormat?
    /// They are those that match.
    let isFiltered: Bool
    let now: Int

    var notes: [String] {
        guard models.isEmpty, !showsNamesOnly else { return [] }
        return [
            isFiltered ? "no model matches" : "the store is empty; cake pull NAME and cake import PATH put a model in"
        ]
    }

    func lines(on page: Page) -> [String] {
        switch format {
        case .json: return document.text(.indented).split(separator: "\n").map(String.init)
        case .line(let parts): return models.map { line(parts, $0, page) }
        case .table(let fields): return models.isEmpty ? [] : table(of: fields).lines(on: page)
        case nil: break
        }
        if showsNamesOnly { return quietLines(on: page) }
        return models.isEmpty ? [] : table.lines(on: page)
    }

    func quietLines(on page: Page) -> [String] {
        if format != nil { return lines(on: page) }
        if isLong { return models.isEmpty ? [] : table.lines(on: page) }
        return models.map(\.named.name.description)
    }

    private func line(_ parts: [ListFormat.Part], _ model: Usage.Model, _ page: Page) -> String {
        parts.reduce("") { line, part in
            switch part {
            case .text(let text): line + text
            case .field(let field): line + Printable.escape(field.text(of: model, isExact: isLong, now: now))
            }
        }
    }

    private func table(of fields: [ModelField]) -> Table {
        var table = Table(fields.map { .init(title: $0.title, leastWidth: $0 == .name ? 12 : nil) })
        for model in models { table.add(fields.map { Table.Cell($0.text(of: model, isExact: isLong, now: now)) }) }
        return table
    }

    private var hasDeltas: Bool { models.contains { $0.spared > 0 } }
    private var hasOthers: Bool { models.contains { $0.named.place != nil } }

    /// The fields, each with the column that shows it. On a narrow terminal those of the least importance go first.
    private var columns: [(field: ModelField, column: Table.Column)] {
        func number(_ field: ModelField, _ importance: Int) -> (ModelField, Table.Column) {
            (field, .init(title: field.title, alignment: .right, importance: importance))
        }
        var columns: [(ModelField, Table.Column)] = [
            (.name, .init(title: "NAME", importance: 10, leastWidth: 24)), (.id, .init(title: "ID", importance: 7)),
            number(.files, 1), number(.tensors, 2), number(.params, 6), number(.size, 9), number(.rest, 8),
            number(.alone, 5), number(.shared, 3),
        ]
        if hasOthers { columns.append((.store, .init(title: "IN", importance: 2, leastWidth: 8, keepsEnd: true))) }
        if hasDeltas { columns.append(number(.deltas, 3)) }
        guard isLong else { return columns + [number(.age, 4)] }
        // Dates and origin are what --long is for.
        return columns + [
            (.created, .init(title: "CREATED", importance: 9)),
            (.origin, .init(title: "ORIGIN", importance: 7, leastWidth: 16, keepsEnd: true)),
        ]
    }

    private var table: Table {
        let columns = columns
        var table = Table(columns.map(\.column))
        for model in models {
            let record = model.named.record
            let isPartial = record.isIncomplete || model.isUnfinished
            let mark = (record.isPinned ? " (pinned)" : "") + (isPartial ? " (partial)" : "")
            table.add(
                columns.map { field, _ in
                    let text = field.text(of: model, isExact: isLong, now: now)
                    return switch field {
                    case .name: Table.Cell(text + mark, .strong)
                    case .deltas: Table.Cell(model.spared > 0 ? "-" + text : "")
                    case .id, .age, .created, .origin: Table.Cell(text, .faint)
                    default: Table.Cell(text)
                    }
                })
        }
        return table
    }

    var document: JSONValue { .array(models.map(\.document)) }
}
