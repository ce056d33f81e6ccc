import Model
import Platform
import Store

/// The versions that names had, the latest first.
struct HistorySummary: Finding {
    struct History {
        let name: ModelName
        let versions: [ModelVersion]
    }

    let histories: [History]
    let showsNamesOnly: Bool

    var notes: [String] {
        guard !showsNamesOnly else { return [] }
        if histories.isEmpty { return ["no name had another version before"] }
        for history in histories {
            if let earlier = history.versions.first(where: { $0.state != .current && $0.state != .gone }) {
                return ["cake tag \(history.name)@\(earlier.manifest.hex.prefix(8)) brings that version back"]
            }
        }
        return []
    }

    func lines(on page: Page) -> [String] {
        guard !histories.isEmpty else { return [] }
        guard !showsNamesOnly else {
            return histories.flatMap { history in
                history.versions.filter { $0.state != .gone }.map { "\(history.name)@\($0.manifest.id)" }
            }
        }
        var columns: [Table.Column] = [
            .init(title: "ID", importance: 9), .init(title: "NAMED", importance: 7),
            .init(title: "SIZE", alignment: .right, importance: 6),
            .init(title: "FROM", importance: 5, leastWidth: 12), .init(title: "STATE", importance: 8),
        ]
        let namesModels = histories.count > 1
        if namesModels { columns.insert(.init(title: "NAME", importance: 10, leastWidth: 12), at: 0) }
        var table = Table(columns)
        for history in histories {
            for version in history.versions {
                var cells: [Table.Cell] = [
                    Table.Cell(String(version.manifest.hex.prefix(8)), .strong), Table.Cell(age(of: version)),
                    Table.Cell(version.size.map { Quantities.bytes($0) } ?? ""),
                    Table.Cell(origin(of: version), .faint),
                    state(of: version),
                ]
                if namesModels { cells.insert(Table.Cell(history.name.string), at: 0) }
                table.add(cells)
            }
        }
        return table.lines(on: page)
    }

    private func age(of version: ModelVersion) -> String {
        guard let since = version.since else { return "" }
        let age = Quantities.age(.seconds(Machine.now - since))
        return age == "just now" ? age : age + " ago"
    }

    private func origin(of version: ModelVersion) -> String {
        let commit = version.commit.map { "@" + $0.prefix(7) } ?? ""
        return (version.source ?? "") + commit + (version.isPartial ? " (partial)" : "")
    }

    /// Rounded up: what is kept for a day is kept for a day a second later, too.
    private func left(_ seconds: Int) -> String {
        Quantities.age(.seconds(max(60, seconds + (seconds > 3600 ? 3599 : 59))))
    }

    private func state(of version: ModelVersion) -> Table.Cell {
        switch version.state {
        case .current: Table.Cell("current", .good)
        case .kept(let until): Table.Cell("kept for \(left(until - Machine.now))")
        case .waiting: Table.Cell("until cake gc", .careful)
        case .gone: Table.Cell("gone", .faint)
        }
    }

    var document: JSONValue {
        .array(
            histories.map { history in
                ["name": JSONValue(history.name.string), "versions": .array(history.versions.map(document))]
            })
    }

    private func document(_ version: ModelVersion) -> JSONValue {
        var (word, until) = ("current", Int?.none)
        switch version.state {
        case .current: break
        case .kept(let end): (word, until) = ("kept", end)
        case .waiting: word = "until_gc"
        case .gone: word = "gone"
        }
        return [
            "id": JSONValue(version.manifest.hex), "since": JSONValue(version.since), "until": JSONValue(version.until),
            "source": JSONValue(version.source), "revision": JSONValue(version.revision),
            "commit": JSONValue(version.commit), "partial": .bool(version.isPartial), "bytes": JSONValue(version.size),
            "state": JSONValue(word), "kept_until": JSONValue(until),
        ]
    }
}
