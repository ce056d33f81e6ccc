import Foundation
import Support
import Testing

@testable import cake

@Suite struct `The settings` {
    private let home = FileManager.default.temporaryDirectory.appending(path: "cake-home-\(UUID().uuidString)")
    private var file: URL { home.appending(path: ".config/cake/config") }

    private func cake(_ words: String...) throws -> Tool {
        try Tool.run(Tool.cake, words, variables: ["HOME": home.path])
    }

    private func tidyUp() { try? FileManager.default.removeItem(at: home) }

    @Test func `are set, shown and taken away, and comments stay`() throws {
        defer { tidyUp() }
        #expect(try cake("config").errors.contains("nothing is set"))
        #expect(try cake("config", "alias.base", "org/name@v1").status == 0)
        try Data("# mine\nalias.base = org/name@v1\n".utf8).write(to: file)
        #expect(try cake("config", "store", home.path + "/s").status == 0)
        #expect(
            try String(contentsOf: file, encoding: .utf8)
                == "# mine\nalias.base = org/name@v1\nstore = \(home.path)/s\n")
        #expect(try cake("config").output == "alias.base = org/name@v1\nstore = \(home.path)/s\n")
        #expect(try cake("config", "alias.base").output == "org/name@v1\n")
        #expect(try cake("df").errors.contains(home.path + "/s"))
        #expect(try cake("config", "store", "--unset").status == 0)
        #expect(try cake("config", "store").status == 10)
        let json = try cake("config", "--json").output
        #expect(
            try JSONSerialization.jsonObject(with: Data(json.utf8)) as? [String: String] == [
                "alias.base": "org/name@v1"
            ])
    }

    @Test func `say which line is wrong, and help goes on without them`() throws {
        defer { tidyUp() }
        try FileManager.default.createDirectory(at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data("# x\nstroe = x\n".utf8).write(to: file)
        let result = try cake("ls")
        #expect(result.status == 2)
        #expect(
            result.errors == "cake: \(file.path): line 2: there is no setting \"stroe\"\nfix: did you mean store?\n")
        #expect(try cake("help").status == 0)
        #expect(try cake("config", "colour", "x").errors.contains("there is no setting \"colour\""))
        #expect(try cake("config", "--unset").status == 2)
        #expect(try cake("config", "store", "x", "--unset").status == 2)
    }

    @Test func `give names that lead to models in the store`() throws {
        defer { tidyUp() }
        let model = home.appending(path: "m")
        try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
        try Data("{}".utf8).write(to: model.appending(path: "config.json"))
        #expect(try cake("import", model.path, "org/name").status == 0)
        #expect(try cake("config", "alias.base", "org/name").status == 0)
        #expect(try cake("pin", "base").output == "pinned org/name\n")
        #expect(try cake("import", model.path, "base").errors.contains("the short name of org/name"))
        #expect(try cake("tag", "org/name", "base").status == 1)
        #expect(try cake("tag", "org/name", "base", "--force").status == 0)
        #expect(try cake("pin", "base").output == "pinned base\n")
    }
}
