import Foundation
import Model
import Store
import Support
import Testing

@testable import cake

@Suite struct `A list of models` {
    private let home: Home

    init() throws { home = try EachVerb.home() }

    @Test func `shows ids that other verbs take`() throws {
        let rows = try home.cake("ls").output.split(separator: "\n").map { $0.split(separator: " ").map(String.init) }
        #expect(rows[0][1] == "ID")
        for row in rows.dropFirst() where row[0] == "two" {
            #expect(row[1].count == 8)
            let document = try #require(home.cakeDocument("inspect", row[1]))
            #expect(document["name"]?.string == "two" && document["id"]?.string?.hasPrefix(row[1]) == true)
        }
    }

    @Test func `has more columns and exact numbers with --long`() throws {
        let size = try #require(home.cakeDocument("ls", "two")?.array?.first?["bytes"]?.unsigned)
        let lines = try home.cake("ls", "-l", "two").output.split(separator: "\n").map(String.init)
        #expect(lines[0].contains("CREATED") && lines[0].contains("ORIGIN") && !lines[0].contains("AGE"))
        #expect(lines[1].contains(" \(size) ") && lines[1].contains("20"))
    }

    @Test func `is the other way round with -r`() throws {
        #expect(try home.cake("ls", "-q", "-r").output == "two\nspare\none\n")
    }

    @Test(arguments: [
        ("name", "one"), ("name,files", "one\t2"), ("{{.Name}}={{ .Files }}", "one=2"),
        ("{{.Name}}\\t{{.Pinned}}", "one\tno"), ("table {{.Name}}\\t{{.Files}}", "NAME  FILES\none   2"),
        ("NAME", "one"), ("{{.Repository}}", "one"), ("tensors partial", "8\tno"),
    ]) func `has the fields that --format names`(format: String, line: String) throws {
        #expect(try home.cake("ls", "one", "--format", format).output == line + "\n")
        #expect(try home.cake("ls", "one", "-q", "--format", format).output == line + "\n")
    }

    @Test func `names every field`() throws {
        let all = ModelField.allCases.map(\.rawValue).joined(separator: ",")
        let words = try home.cake("ls", "one", "--format", all).output.split(
            separator: "\t", omittingEmptySubsequences: false)
        #expect(words.count == ModelField.allCases.count)
        #expect(try home.cake("ls", "one", "--format", "json").document() != nil)
        let wrong = try home.cake("ls", "--format", "naem")
        #expect(wrong.status == 2 && wrong.errors.contains("did you mean name?"), "\(wrong.errors)")
        #expect(try home.cake("ls", "--format", "{{.Name").status == 2)
    }

    @Test func `ends with 10 for a name that is not here, and with 0 for a pattern`() throws {
        for words in [
            ["nosuch"], ["one", "nosuch"], ["nosuch", "-q"], ["nosuch", "--json"], ["nosuch", "--sort", "size"],
        ] {
            let result = try home.cake(["ls"] + words)
            #expect(result.status == 10 && result.errors.contains("no model"), "\(words): \(result.errors)")
            #expect(result.output.isEmpty)
        }
        #expect(try home.cake("ls", "onee").errors.contains("did you mean one?"))
        let none = try home.cake("ls", "x*")
        #expect(none.status == 0 && none.errors == "no model matches\n" && none.output.isEmpty)
        #expect(try home.cake("ls", "-q", "o*", "two").output == "one\ntwo\n")
        let empty = try Home()
        #expect(try empty.cake("ls", "nosuch").status == 10)
        #expect(try empty.cake("ls").status == 0)
    }

    @Test(arguments: [40, 60, 80, 100, 140]) func `fits a terminal, and drops what matters least`(width: Int) throws {
        let store = try LocalStore(at: home.store.path, pool: testPool)
        let list = ModelList(
            models: try Usage(of: store).models, showsNamesOnly: false, isLong: false, format: nil, isFiltered: false,
            now: 0)
        let lines = list.lines(on: Page(width: width, style: Style(isOn: false), tableWidth: width))
        for line in lines { #expect(TextWidth.of(line) <= width) }
        let heading = lines[0]
        #expect(heading.hasPrefix("NAME") && heading.contains("SIZE"))
        let order = ["FILES", "TENSORS", "SHARED", "AGE", "ALONE", "PARAMS", "ID"]
        let shown = order.map { heading.contains($0) }
        // What is shown is an end of that order.
        #expect(shown == shown.sorted { !$0 && $1 }, "\(heading)")
    }
}

@Suite struct `A folder that was chosen as the store` {
    enum State: CaseIterable { case missing, ofOthers, file, unused }

    private static let verbs = [
        "ls", "ls m", "df", "verify", "verify m", "gc", "gc --dry-run", "optimize", "inspect m", "export m -o out",
        "cat m config.json", "diff m n", "rm m", "tag m n", "pin m", "unpin m", "push m localhost:1/m",
    ]

    @Test(arguments: State.allCases) func `has to be one, for a verb that reads it`(state: State) throws {
        let home = try Home()
        let place = home.path("typo").path
        switch state {
        case .missing: break
        case .ofOthers:
            try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
            try Data("x".utf8).write(to: home.path("typo/letter.txt"))
        case .file: try Data("x".utf8).write(to: home.path("typo"))
        case .unused: try FileManager.default.createDirectory(atPath: place, withIntermediateDirectories: false)
        }
        for verb in Self.verbs {
            let isUnused = state == .unused
            let words = verb.split(separator: " ").map(String.init)
            let namesModel = words.contains("m")
            for (choice, arguments, variables) in [
                ("--store", words + ["--store", place], [:]), ("CAKE_HOME", words, ["CAKE_HOME": place]),
            ] {
                let result = try home.cake(arguments, variables: variables)
                #expect(result.status == (isUnused && !namesModel ? 0 : 10), "\(verb): \(result.errors)")
                #expect(isUnused || result.errors.contains("fix: check \(choice)"), "\(verb): \(result.errors)")
            }
        }
        #expect(FileManager.default.fileExists(atPath: place) == (state != .missing))
        try home.cake("config", "store", place)
        let configured = try home.cake("ls")
        #expect(configured.status == (state == .unused ? 0 : 10))
        #expect(state == .unused || configured.errors.contains("check cake config store"), "\(configured.errors)")
    }
}

@Suite struct `A model of which some files are here` {
    @Test func `says so wherever it is shown, and which command brings the rest`() throws {
        let home = try HubHome()
        let rows = [
            (["pull", "org/tune", "--include", "*.json"], "org/tune", "cake pull org/tune"),
            (["download", "org/tune", "config.json"], "org/tune", "cake pull org/tune"),
            (["pull", "org/tune", "--include", "*.json", "--as", "mine"], "mine", "cake pull hf://org/tune --as mine"),
        ]
        for (words, name, command) in rows {
            #expect(try home.cake(words).status == 0)
            #expect(try home.cake("ls", name).output.contains("\(name) (partial)"))
            let listed = try home.document("ls", name).array?.first
            #expect(listed?["partial"] == true && listed?["files_missing"] == 3)
            let inspected = try home.cake("inspect", name).output
            #expect(
                inspected.contains("3 files (") && inspected.contains("\(command) downloads the rest"), "\(inspected)")
            let exported = try home.cake("export", name, "-o", "out-\(name)", "--force")
            #expect(exported.status == 0 && exported.errors.contains("3 files ("), "\(exported.errors)")
            #expect(exported.errors.contains(command))
            let completing = try home.cake(command.split(separator: " ").dropFirst().map(String.init))
            #expect(completing.status == 0, "\(completing.errors)")
            #expect(!(try home.cake("ls", name).output.contains("(partial)")))
            #expect(try home.document("inspect", name)["partial"] == false)
            #expect(try home.cake("rm", name).status == 0)
        }
    }
}
