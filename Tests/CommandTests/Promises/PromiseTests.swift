import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite(.serialized) struct `The page of promises` {
    private let page = PromisePage.stability

    @Test func `lists every command with its words and options`() throws {
        func row(_ name: String, _ aliases: [String], _ words: [String], _ options: [OptionForm]) -> String {
            func code(_ texts: [String]) -> String {
                texts.map { "`\($0)`" }.joined(separator: " ").replacing("|", with: "\\|")
            }
            let spelled = options.map { option in
                let short = option.short.map { "-\($0), " } ?? ""
                return option.spelling.trimmingCharacters(in: .whitespaces).hasPrefix("-")
                    ? option.spelling.trimmingCharacters(in: .whitespaces) : short + "--" + option.name
            }
            return "| \(code([name] + aliases)) | \(code(words)) | \(code(spelled)) |"
        }
        let rows = CommandTable.standard.commands.map { command in
            row(command.name, command.aliases, command.positionals.map(\.usage), command.options)
        }
        try page.check(
            ["| command | words | options |", "|---|---|---|", row("cake", [], ["COMMAND"], GlobalOptions.forms)]
                + rows,
            "commands")
    }

    /// The entries of a section of the manual: what it names, and what that is.
    private func manual(_ section: String) -> [(name: String, meaning: String)] {
        let lines = ManPage.lines(of: CommandTable.standard)
        let start = lines.firstIndex(of: ".SH \(section)") ?? 0
        let own = lines[(start + 1)...].prefix { !$0.hasPrefix(".SH") }
        func plain(_ text: Substring) -> String {
            String(text).replacing("\\-", with: "-").replacing("\\(ti", with: "~").replacing("\\(aq", with: "'")
        }
        let named = own.indices.filter { own[$0].hasPrefix(".B ") }
        return named.map { (plain(own[$0].dropFirst(3)), plain(own[own.index(after: $0)][...])) }
    }

    @Test func `lists every exit status, and the manual has those of every kind of error`() throws {
        let statuses = manual("EXIT STATUS")
        try page.check(
            ["| status | meaning |", "|---|---|"] + statuses.map { "| \($0.name) | \($0.meaning) |" }, "statuses")
        let kinds = (Int32(0)...255).compactMap { CakeError.Kind(rawValue: $0)?.rawValue }
        #expect(Set(statuses.map(\.name)) == Set((kinds + [0, 130]).map { "\($0)" }))
    }

    @Test func `lists every variable of the environment that the manual has`() throws {
        let rows = manual("ENVIRONMENT").map {
            "| \($0.name.split(separator: ", ").map { "`\($0)`" }.joined(separator: ", ")) | \($0.meaning) |"
        }
        try page.check(["| variable | meaning |", "|---|---|"] + rows, "variables")
    }

    @Test func `lists every key of the JSON that commands print`() throws {
        let keys = try PrintedKeys.all()
        let rows = keys.map { row in
            "| `\(row.command)` | \(row.keys.sorted().map { "`\($0)`" }.joined(separator: " ")) |"
        }
        try page.check(["| of | keys |", "|---|---|"] + rows.sorted(), "keys")
    }

    @Test func `names the versions of what a store has`() throws {
        let home = try Home()
        try home.makeModel("one")
        try home.cake("import", home.path("one").path, "one")
        func head(_ path: String) throws -> String {
            let bytes = try Data(contentsOf: home.store.appending(path: path)).prefix(64)
            return String(decoding: bytes.prefix { $0 != 10 }, as: UTF8.self)
        }
        func first(in folder: String) throws -> String {
            let names = try FileManager.default.contentsOfDirectory(atPath: home.store.appending(path: folder).path)
            return folder + "/" + (try #require(names.first))
        }
        let heads = [
            try head("cake.store"), try head(first(in: "manifests")), try head(first(in: "names")), "cakeidx2",
        ]
        #expect(try head(first(in: "index-2")).hasPrefix("cakeidx2"))
        try page.check(
            ["| a file begins with | what |", "|---|---|"]
                + zip(
                    heads,
                    [
                        "`cake.store`: the store", "a manifest", "a name", "an index, which is derived",
                    ]
                ).map { "| `\($0)` | \($1) |" }, "formats")
    }
}

@Suite struct `The number of the version` {
    @Test func `is the same in the program and in the Python package`() throws {
        let python = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../Sources/Python")
            .standardizedFileURL
        for (file, line) in [("pyproject.toml", "version = "), ("cake/__init__.py", "__version__ = ")] {
            let text = try String(contentsOf: python.appending(path: file), encoding: .utf8)
            #expect(text.contains("\n\(line)\"\(CakeVersion.text)\"\n"), "\(file)")
        }
    }
}

@Suite struct `The page for operators` {
    @Test func `lists every field of the logs`() throws {
        let fields = try PromisePage.operate.firstCells(under: "Logs").flatMap { cell in
            cell.matches(of: /`([a-z]+)`/).map { String($0.output.1) }
        }
        let keys = try PrintedKeys.logs()
        #expect(Set(fields) == keys.access)
        let text = try PromisePage.operate.text
        let line = try #require(text.firstRange(of: "Lines of the audit log have ")).upperBound
        let audit = text[line...].prefix { $0 != "." }
        #expect(Set(audit.matches(of: /`([a-z]+)`/).map { String($0.output.1) }) == keys.audit)
    }
}

@Suite struct `A store of a newer cake` {
    @Test func `is refused by every command that needs it, with words, and stays as it is`() throws {
        let home = try EachVerb.home()
        let mark = home.store.appending(path: "cake.store")
        try Data("cake store 2\n".utf8).write(to: mark)
        let before = try FileManager.default.subpathsOfDirectory(atPath: home.store.path).sorted()
        let texts: Set = ["config", "help", "man", "completions bash", "version"]
        for words in EachVerb.commands where !texts.contains(words) && !words.hasPrefix("sign ") {
            let result = try home.shell("cd && $CAKE \(words)")
            #expect(result.status == 1, "\(words): \(result.status) \(result.errors)")
            #expect(result.errors.contains("has version 2; this cake knows 1"), "\(words): \(result.errors)")
            #expect(result.errors.contains("fix: use a newer cake"), "\(words)")
        }
        #expect(try FileManager.default.subpathsOfDirectory(atPath: home.store.path).sorted() == before)
        #expect(try String(contentsOf: mark, encoding: .utf8) == "cake store 2\n")
    }
}
