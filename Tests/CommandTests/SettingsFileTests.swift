import Model
import Store
import Support
import Testing

@testable import cake

@Suite struct `A settings file` {
    private func read(_ text: String) throws -> SettingsFile { try SettingsFile(parsing: Array(text.utf8).span) }

    private func text(_ file: SettingsFile) -> String { String(decoding: file.bytes, as: UTF8.self) }

    private let example =
        "# mine\n\nstore = /data/cake # x\r\n\tendpoint=http://localhost:8080/\nalias.base = org/name@v1\n# end\n"

    @Test func `is read line by line`() throws {
        let file = try read(example)
        #expect(file[.store] == "/data/cake # x" && file[.endpoint] == "http://localhost:8080/")
        #expect(file["alias.base"] == "org/name@v1" && file.aliases == ["base": "org/name@v1"])
        #expect(file.settings.map(\.key) == ["store", "endpoint", "alias.base"])
        #expect(text(file) == example)
        #expect(try read("store = /x").bytes == Array("store = /x\n".utf8))
        #expect(try read("").settings.isEmpty)
    }

    @Test func `keeps comments and order when one key changes`() throws {
        var file = try read(example)
        try file.set("endpoint", to: " https://mirror.example ")
        try file.set("alias.new", to: "gpt2")
        #expect(
            text(file)
                == "# mine\n\nstore = /data/cake # x\r\nendpoint = https://mirror.example\nalias.base = org/name@v1\n# end\nalias.new = gpt2\n"
        )
        try file.set("store", to: nil)
        try file.set("alias.gone", to: nil)
        #expect(file[.store] == nil && text(file).hasPrefix("# mine\n\nendpoint"))
        #expect(try read(text(file)) == file)
    }

    @Test(arguments: [
        ("store\n", "line 1: \"store\" is not a setting"),
        ("# x\nstroe = x\n", "line 2: there is no setting \"stroe\""),
        ("store = a\n\nstore = b\n", "line 3: store is in line 1 already"),
        ("store =\n", "line 1: store has no value"),
        ("race-mirrors = maybe\n", "line 1: race-mirrors: \"maybe\" is not on or off"),
        ("endpoint = x\n", "line 1: endpoint: the address"),
        ("alias. = a\n", "line 1: this cannot be the name of an alias"),
        ("alias.a/b = a\n", "line 1: an alias is one short word"), ("alias.a = a//b\n", "line 1: alias.a: "),
        ("policy. = accept\n", "line 1: \"\" is not a pattern for names"),
        ("policy.a/* = require k\n", "line 1: policy.a/*: \"k\" does not begin with / or ~/"),
        ("store = a\u{1b}[2J\n", "line 1: the value of store holds"), ("= x\n", "line 1: there is no setting \"\""),
        ("store\u{301} = x", "line 1: there is no setting"),
    ]) func `is refused with the line that is wrong`(text: String, what: String) throws {
        let error = try #require(throws: CakeError.self) { try read(text) }
        #expect(error.kind == .usage)
        #expect(error.what.hasPrefix(what), "\(error)")
    }

    @Test func `cannot be given a second line through a value`() {
        var file = SettingsFile()
        #expect(throws: CakeError.self) { try file.set("store", to: "/x\nendpoint = http://evil") }
        #expect(throws: CakeError.self) { try file.set("store = x\nendpoint", to: "http://evil") }
        #expect(throws: CakeError.self) { try file.set("color", to: "x") }
        #expect(file.bytes.isEmpty)
    }

    @Test func `never stops the program, whatever it is, and what it reads it writes`() {
        var random = SeededNumbers(seed: 6)
        for _ in 0..<3000 {
            let bytes = random.mutate(Array(example.utf8))
            guard let file = try? SettingsFile(parsing: bytes.span) else { continue }
            #expect((try? SettingsFile(parsing: file.bytes.span)) == file)
        }
    }
}
