import Foundation
import Support
import Testing

@Suite struct `cake demo` {
    private let home: Home
    private let temporary: URL

    init() throws {
        home = try Home()
        temporary = home.path("tmp")
        try FileManager.default.createDirectory(at: temporary, withIntermediateDirectories: true)
    }

    private func run(_ words: String...) throws -> Tool {
        let variables = ["HOME": home.folder.path, "TMPDIR": temporary.path]
        return try Tool.run(Tool.cake, ["demo"] + words, variables: variables)
    }

    private func left() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: temporary.path) }

    @Test func `shows commands and what they say, and leaves nothing, neither there nor at home`() throws {
        let result = try run()
        #expect(result.status == 0)
        // A slow machine shows now and then how far a command is.
        #expect(result.errors.split(separator: "\n").allSatisfy { $0.contains("%, ") }, "\(result.errors)")
        let commands = result.output.split(separator: "\n").filter { $0.hasPrefix("$ cake ") }
        #expect(
            commands == [
                "$ cake import base", "$ cake import top-tune", "$ cake import full-tune", "$ cake import resharded",
                "$ cake ls", "$ cake df", "$ cake diff base top-tune", "$ cake export resharded -o back",
            ])
        #expect(result.output.contains("51.8 MB in 2 files, 57 tensors"))
        #expect(result.output.contains("(99%) were here"))
        #expect(result.output.contains("the same to the last bit"))
        #expect(try left() == [])
        #expect(!FileManager.default.fileExists(atPath: home.store.path))
    }

    @Test func `with --keep leaves its folder, and what it says to type works`() throws {
        let result = try run("--keep")
        #expect(try left().count == 1)
        let line = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("  cake --store ") })
        let listed = try home.shell("'\(Tool.cake.path)'\(line.dropFirst(6)) --names")
        #expect(listed.output == "base\nfull-tune\nresharded\ntop-tune\n")
        let away = try #require(result.output.split(separator: "\n").first { $0.hasPrefix("  rm -r ") })
        _ = try home.shell(String(away))
        #expect(try left() == [])
    }

    @Test func `is one document with --json, and says nothing with --quiet`() throws {
        let document = try run("--json").document() as? [String: Any]
        #expect((document?["steps"] as? [[String: Any]])?.count == 8)
        #expect((document?["same"] as? [String: Int])?["files"] == 5)
        let quiet = try run("--quiet")
        #expect(quiet.status == 0)
        #expect(quiet.output + quiet.errors == "")
        #expect(try left() == [])
    }

    @Test func `removes its folder on Ctrl-C, wherever it is`() throws {
        let variables = ["TMPDIR": temporary.path]
        let calls = try home.calls("demo", "-q", variables: variables)
        for share in [0, 20, 60, 90] {
            let at = ["CAKE_TEST_SIGNAL": "\(SIGINT)@\(1 + calls * share / 100)"].merging(variables) { $1 }
            let demo = try home.start("demo", "-q", variables: at)
            #expect(try demo.end() == .signal(SIGINT), "at \(share) %")
            #expect(try left() == [], "at \(share) %")
        }
    }
}
