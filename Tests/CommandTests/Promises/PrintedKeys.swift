import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

/// The keys of the JSON that commands print, gathered by running them: `models[].name`.
enum PrintedKeys {
    /// A member whose keys cake does not choose.
    private static let foreign = "metadata"

    private static func paths(in value: JSONValue, under start: String = "") -> Set<String> {
        if let array = value.array {
            return array.reduce(into: []) { $0.formUnion(paths(in: $1, under: start + "[]")) }
        }
        return (value.object?.members ?? []).reduce(into: []) { found, member in
            let path =
                start.isEmpty || start == "[]"
                ? start + (start.isEmpty ? "" : ".") + member.key : "\(start).\(member.key)"
            found.insert(path)
            if member.key != foreign { found.formUnion(paths(in: member.value, under: path)) }
        }
    }

    private struct Gathered {
        var keys: [String: Set<String>] = [:]

        mutating func add(_ tool: Tool, _ words: [String]) throws {
            try #require(tool.status == 0, "\(words): \(tool.errors)")
            let command = words[0] == "serve" ? "serve token \(words[2])" : words[0]
            keys[command, default: []].formUnion(try paths(in: ModelFolder.document(tool)))
        }
    }

    static func all() throws -> [(command: String, keys: Set<String>)] {
        var gathered = Gathered()
        let home = try EachVerb.home()
        for words in EachVerb.withDocuments where !words.hasPrefix("config") {
            try gathered.add(home.shell("cd && $CAKE \(words) --json"), words.split(separator: " ").map(String.init))
        }
        for words in [["serve", "token", "add", "ci"], ["serve", "token", "ls"], ["serve", "token", "rm", "ci"]] {
            try gathered.add(home.cake(words + ["--json"]), words)
        }
        try addRemote(to: &gathered)
        let failed = try home.cake("inspect", "nosuch", "--json")
        gathered.keys["an error, on standard error"] = paths(in: try JSONValue(parsing: Array(failed.errors.utf8).span))
        let logs = try logs()
        gathered.keys["serve: access log"] = logs.access
        gathered.keys["serve: audit log"] = logs.audit
        return gathered.keys.map { ($0.key, $0.value) }
    }

    private static func addRemote(to gathered: inout Gathered) throws {
        let hub = try HubHome()
        for words in [
            ["ls-remote", "org/tune"], ["ls-remote", "org/tune", "--refs"], ["search", "tune"],
            ["inspect", "org/tune"],
            ["pull", "org/base", "--dry-run"], ["pull", "org/base"], ["download", "org/base", "config.json"],
            ["diff", "org/base", "hf://org/tune"],
        ] { try gathered.add(hub.cake(words + ["--json"]), words) }
        let home = try Home()
        try home.makeModel("one")
        try home.cake("import", home.path("one").path, "one")
        let served = try Served(home, "--push")
        let place = "127.0.0.1:\(served.port)/team/m:v1"
        for words in [
            ["push", "one", place, "--dry-run"], ["push", "one", place], ["copy", place, place + "2"], ["tags", place],
            ["verify", "--remote", place], ["pull", place, "m"], ["rm", "--remote", place + "2"],
        ] { try gathered.add(home.cake(words + ["--json"]), words) }
        try served.end()
    }

    /// Of a line of each log of a server.
    static func logs() throws -> (access: Set<String>, audit: Set<String>) {
        let home = try Home()
        let secret = try home.cake("serve", "token", "add", "ci").output.trimmingCharacters(in: .whitespacesAndNewlines)
        let audit = home.path("audit")
        let served = try Served(home, "--audit-log", audit.path)
        _ = try served.ask("GET", "/v2/", [("Authorization", "Bearer \(secret)")])
        try served.end()
        func keys(_ file: URL) throws -> Set<String> {
            paths(in: try JSONValue(parsing: Array(String(contentsOf: file, encoding: .utf8).utf8).span))
        }
        return (try keys(home.path("log")), try keys(audit))
    }
}
