import Foundation
import Hub
import Model
import Support
import Testing

@testable import cake

/// Keys are what programs rely on.
@Suite struct `Every key of JSON` {
    /// A member whose keys cake does not choose: pairs of a GGUF file.
    private static let foreign: Set = ["metadata"]

    private static func isSnakeCase(_ key: String) -> Bool {
        key.wholeMatch(of: /[a-z][a-z0-9]*(_[a-z0-9]+)*/) != nil
    }

    private static func wrongKeys(in value: JSONValue) -> [String] {
        if let array = value.array { return array.flatMap(wrongKeys) }
        return (value.object?.members ?? []).flatMap { member -> [String] in
            let own = isSnakeCase(member.key) ? [] : [member.key]
            return own + (foreign.contains(member.key) ? [] : wrongKeys(in: member.value))
        }
    }

    /// The document, and each line of progress.
    private static func check(_ tool: Tool, _ words: String, at place: SourceLocation = #_sourceLocation) throws {
        let document = try ModelFolder.document(tool)
        #expect(wrongKeys(in: document) == [], "\(words)", sourceLocation: place)
        for line in tool.errors.split(separator: "\n") {
            let value = try JSONValue(parsing: Array(line.utf8).span)
            #expect(wrongKeys(in: value) == [], "\(words): \(line)", sourceLocation: place)
        }
    }

    @Test func `is snake_case in what is shown of a store`() throws {
        let home = try EachVerb.home()
        let texts = ["help", "help export", "man", "man export", "completions bash", "version", "--version", "--help"]
        // The keys of `config` are the settings that a person chose.
        for words in EachVerb.withDocuments + texts where !words.hasPrefix("config") {
            try Self.check(try home.shell("cd && $CAKE \(words) --json"), words)
        }
        try Self.check(try home.shell("cd && $CAKE --json"), "cake")
        try Self.check(try home.shell("cd && $CAKE serve token add ci --json"), "serve token add")
        try Self.check(try home.shell("cd && $CAKE serve token ls --json"), "serve token ls")
        let failed = try home.cake("inspect", "nosuch", "--json")
        let error = try JSONValue(parsing: Array(failed.errors.utf8).span)
        #expect(error["error"]?["status"] == 10 && Self.wrongKeys(in: error) == [])
    }

    @Test func `is snake_case in what comes from a Hub and a registry, and in the log of a server`() throws {
        let hub = try HubHome()
        let rows = [
            ["ls-remote", "org/tune"], ["ls-remote", "org/tune", "--refs"], ["search", "tune"],
            ["inspect", "org/tune"],
            ["inspect", "org/tune", "--tensors"], ["pull", "org/base", "--dry-run"],
            ["pull", "org/base", "--layers", "1", "--dry-run"], ["pull", "org/base"], ["pull", "org/base", "org/tune"],
            ["download", "org/base", "config.json"], ["diff", "org/base", "hf://org/tune"], ["ls"], ["verify"],
        ]
        for words in rows { try Self.check(try hub.cake(words + ["--json"]), "\(words)") }
        let home = try Home()
        try home.makeModel("one")
        try home.cake("import", home.path("one").path, "one")
        let served = try Served(home, "--push")
        let place = "127.0.0.1:\(served.port)/team/m:v1"
        let remote = [
            ["push", "one", place, "--dry-run"], ["push", "one", place], ["copy", place, place + "2", "--dry-run"],
            ["copy", place, place + "2"], ["tags", place], ["ls-remote", "127.0.0.1:\(served.port)"],
            ["inspect", place], ["verify", "--remote", place], ["pull", place, "m", "--dry-run"], ["pull", place, "m"],
            ["rm", "--remote", place + "2"],
        ]
        for words in remote { try Self.check(try home.cake(words + ["--json"]), "\(words)") }
        try served.end()
        let log = try String(contentsOf: home.path("log"), encoding: .utf8).split(separator: "\n")
        #expect(log.count > 5)
        for line in log { #expect(Self.wrongKeys(in: try JSONValue(parsing: Array(line.utf8).span)) == []) }
    }
}
