import Foundation
import Model
import Server
import Storage
import Store
import Support
import Testing

@Suite struct `The page for operators, about metrics` {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs")
        .standardizedFileURL

    private static func names(in text: String) -> Set<String> {
        Set(text.matches(of: /\bcake_[a-z_]+\b/).map { String($0.output) })
    }

    private static func shown() throws -> (names: Set<String>, types: [String: String]) {
        let line = try MirrorStage(["config.json": Array("{}".utf8)])
        let stage = try line.serve {
            $0.allowsPush = true
            $0.quotas = [RegistryQuota(bytes: 1 << 30)]
            $0.collectionInterval = .seconds(3600)
            $0.audit = { _ in true }
        }
        _ = try stage.ask("GET", "/healthz")
        try waits(until: "a request is counted") {
            try stage.ask("GET", "/metrics").text.contains("cake_requests_total{")
        }
        let text = try stage.ask("GET", "/metrics").text
        var types: [String: String] = [:]
        for line in text.split(separator: "\n") where line.hasPrefix("# TYPE ") {
            let words = line.split(separator: " ")
            types[String(words[2])] = String(words[3])
        }
        return (names(in: text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined(separator: "\n")), types)
    }

    @Test func `has each with its type, and no others`() throws {
        let (names, types) = try Self.shown()
        #expect(names == Set(types.keys))
        let page = try String(contentsOf: Self.docs.appending(path: "operate.md"), encoding: .utf8)
        var listed: [String: String] = [:]
        for row in page.split(separator: "\n") where row.hasPrefix("| `cake_") {
            let cells = row.split(separator: "|").map { $0.trimmingCharacters(in: .whitespaces) }
            listed[String(cells[0].dropFirst().prefix { $0 != "{" && $0 != "`" })] = cells[1]
        }
        #expect(listed == types)
    }

    @Test func `has alerts and a dashboard of metrics that there are`() throws {
        let names = try Self.shown().names
        for file in ["alerts.yaml", "dashboard.json"] {
            let text = try String(contentsOf: Self.docs.appending(path: "operate/\(file)"), encoding: .utf8)
            let used = Self.names(in: text)
            #expect(used.isSubset(of: names), "\(file): \(used.subtracting(names).sorted())")
            if file.hasSuffix("json") {
                #expect(try JSONValue(parsing: Array(text.utf8).span)["panels"]?.array?.isEmpty == false)
                #expect(used == names, "\(file) lacks \(names.subtracting(used).sorted())")
            }
        }
        let alerts = try String(contentsOf: Self.docs.appending(path: "operate/alerts.yaml"), encoding: .utf8)
        let page = try String(contentsOf: Self.docs.appending(path: "operate.md"), encoding: .utf8)
        for match in alerts.matches(of: /alert: (\w+)/) { #expect(page.contains(match.output.1), "\(match.output.1)") }
    }
}
