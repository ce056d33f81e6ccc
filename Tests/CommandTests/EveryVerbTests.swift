import Foundation
import Support
import Testing

@testable import cake

@Suite struct `Every verb` {
    private let home: Home

    init() throws { home = try EachVerb.home() }

    @Test func `is tried here, or in a test of its own`() {
        #expect(EachVerb.unknown == [])
    }

    @Test func `gives one JSON document`() throws {
        for command in EachVerb.withDocuments {
            let result = try home.shell("cd && $CAKE \(command) --json")
            #expect(result.status == 0, "\(command): \(result.errors)")
            #expect(result.document() != nil, "\(command) printed \(result.output)")
        }
        let empty = try Home()
        for command in ["ls", "df", "verify", "gc"] {
            let result = try empty.cake(command, "--json")
            #expect(result.document() != nil, "\(command) in an empty home printed \(result.output)")
        }
    }

    @Test func `gives the same document with --quiet, and says nothing beside it`() throws {
        func document(_ command: String) throws -> [Substring] {
            // Others use the disk, too.
            try home.shell("cd && $CAKE \(command) --json").output.split(separator: "\n")
                .filter { !$0.contains("bytes_free") }
        }
        for command in EachVerb.answers {
            #expect(try document(command + " --quiet") == document(command), "\(command)")
        }
        for command in EachVerb.withDocuments {
            let result = try home.shell("cd && $CAKE -q \(command) --json")
            #expect(result.status == 0 && result.errors == "", "\(command): \(result.errors)")
            #expect(result.document() != nil, "\(command) printed \(result.output)")
        }
        let differs = try home.shell("cd && $CAKE diff one two --exit-code --quiet --json")
        #expect(differs.status == 1 && differs.errors == "" && differs.document() != nil)
    }

    @Test func `says nothing with --quiet but what was asked for`() throws {
        for command in EachVerb.withoutAnswers {
            let result = try home.shell("cd && $CAKE \(command) --quiet")
            #expect(result.status == 0)
            #expect(result.output + result.errors == "", "\(command)")
        }
        #expect(try home.cake("ls", "-q").output == "one\ntwo\nuno\n")
    }

    @Test func `ends quietly when its reader has gone`() throws {
        for command in EachVerb.commands {
            let result = try home.shell("cd && $CAKE \(command) | :; echo ${PIPESTATUS[0]}")
            #expect(result.output == "0\n", "\(command)")
            #expect(result.errors == "", "\(command)")
        }
    }

    @Test func `is plain with NO_COLOR and in a pipe, and coloured when forced`() throws {
        for command in ["ls", "df"] {
            #expect(!(try home.cake(command)).output.contains("\u{1b}"))
            #expect(try home.cake(command, variables: ["CLICOLOR_FORCE": "1"]).output.contains("\u{1b}"))
            let both = ["CLICOLOR_FORCE": "1", "NO_COLOR": "1"]
            #expect(!(try home.cake(command, variables: both)).output.contains("\u{1b}"))
        }
    }

    @Test func `answers to the names other tools have for it`() throws {
        #expect(try home.cake("images").output == (try home.cake("ls").output))
        #expect(try home.cake("show", "one").output == (try home.cake("inspect", "one").output))
        #expect(try home.cake("fsck").status == 0)
        #expect(try home.cake("rmi", "two").output.contains("removed two"))
        #expect(try home.cake("prune").output.contains("freed"))
    }
}

@Suite struct `The store's place` {
    @Test func `is what --store says, then CAKE_HOME, XDG_DATA_HOME and HOME`() throws {
        let home = try Home()
        try home.makeModel("tiny")
        let tiny = home.path("tiny").path
        var variables: [String: String] = [:]
        func expect(_ place: String, _ words: String...) throws {
            let result = try Tool.run(
                Tool.cake, ["import", tiny] + words,
                variables: ["HOME": home.folder.path].merging(variables) { $1 })
            #expect(result.status == 0, "\(result.errors)")
            let mark = home.path(place).appending(path: "cake.store")
            #expect(FileManager.default.fileExists(atPath: mark.path), "no store in \(place)")
            try? FileManager.default.removeItem(at: home.path(place))
        }
        try expect(".local/share/cake")
        variables["XDG_DATA_HOME"] = home.path("data").path
        try expect("data/cake")
        variables["CAKE_HOME"] = home.path("own").path
        try expect("own")
        try expect("chosen", "--store", home.path("chosen").path)
        // The XDG rules ask to ignore a path that is not absolute.
        variables = ["XDG_DATA_HOME": "relative"]
        try expect(".local/share/cake")
    }

    @Test func `is not guessed where there is no home`() throws {
        let result = try Tool.run(Tool.cake, ["ls"], variables: ["HOME": ""])
        #expect(result.status == 2)
        #expect(result.errors.contains("CAKE_HOME=DIR"))
    }
}
