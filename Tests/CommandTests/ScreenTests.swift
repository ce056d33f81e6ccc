import Foundation
import Support
import Testing

@testable import cake

/// What stands on a terminal: real commands on a pseudo-terminal, wide and narrow, with and without colours.
@Suite struct `A screen` {
    private static let lines = [
        "ls", "ls -l", "ls --format name,id", "history", "df", "diff base team/tune", "verify",
        "rm base --dry-run", "gc --dry-run", "optimize --dry-run", "tag team/tune production", "pin production",
        "rm production", "mv team/tune tune", "nonsense", "ls nosuch", "run base", "gc --nwo", "rm -f production",
        "gc --now",
    ]

    @Test(arguments: [80, 40]) func `is as it should be`(width: Int) throws {
        let home = try Home()
        try home.makeModel("base", seed: 1)
        try home.makeModel("tune", seed: 1, tensors: 9)
        for words in [["base", "base"], ["base", "team/tune"], ["tune", "team/tune"]] {
            // Relative, so that no screen depends on where the home is.
            let said = try home.shell("cd ~ && CAKE_HOME=store $CAKE import \(words[0]) \(words[1]) --force")
            try #require(said.status == 0, "\(said.errors)")
        }
        try age(home)
        var screens: [String] = []
        for line in Self.lines {
            screens += ["$ cake \(line)"] + (try screen(line, width, in: home)) + [""]
        }
        try Golden.check(screens, "screens-\(width)")
    }

    /// A terminal that cannot do much, or does not want colours, gets the same words.
    @Test(arguments: ["NO_COLOR=1", "TERM=dumb", "LANG=C LC_ALL=C"])
    func `has the same words everywhere`(_ variables: String) throws {
        let home = try Home()
        try home.makeModel("base")
        let imported = try home.shell("cd ~ && CAKE_HOME=store $CAKE import base")
        try #require(imported.status == 0, "\(imported.errors)")
        try age(home)
        for line in ["ls", "df", "inspect base", "verify", "ls nosuch", "help"] {
            let plain = try screen(line, 80, in: home)
            #expect(try screen(line, 80, in: home, variables) == plain, "\(line)")
        }
    }

    /// Makes the names three and a half days old, so that no screen depends on how long the test takes.
    private func age(_ home: Home) throws {
        let old = Int(Date().timeIntervalSince1970) - 302_400
        for record in try FileManager.default.contentsOfDirectory(
            at: home.path("store/names"), includingPropertiesForKeys: nil)
        {
            let text = try String(contentsOf: record, encoding: .utf8)
            let aged = text.replacing(/\ntime \d+/, with: "\ntime \(old)").replacing(
                /"since":\d+/, with: "\"since\":\(old)")
            try Data(aged.utf8).write(to: record)
        }
    }

    /// The lines without colours, trailing space, and what no two runs share.
    private func screen(
        _ line: String, _ width: Int, in home: Home, _ variables: String = "TERM=xterm"
    ) throws -> [String] {
        let command = "stty cols \(width) rows 50; cd ~; env \(variables) CAKE_HOME=store $CAKE \(line)"
        // A file at its end would end the terminal at once.
        let shown = try Tool.run(
            "sh", ["-c", "exec script -qec \"$LINE\" /dev/null < /dev/null"],
            variables: ["HOME": home.folder.path, "CAKE": Tool.cake.path, "LINE": command])
        return shown.output.replacing("\r\n", with: "\n").replacing("\r", with: "").replacing(
            /\u{1b}\[[0-9;]*[A-Za-z]/, with: ""
        )
        .replacing(home.folder.path, with: "~").replacing(/\/\S*…/, with: "/PATH…").replacing(
            /…\S*\/(\w+)/, with: { "…/\($0.output.1)" }
        ).replacing(
            /20\d\d-\d\d-\d\d \d\d:\d\d/, with: "2026-01-02 03:04"
        )
        .replacing(/(disk free +)[0-9.]+ .B/, with: { "\($0.output.1)1.0 TB" })
        .split(separator: "\n", omittingEmptySubsequences: false)
        .map {
            String($0).trimmingCharacters(in: .whitespaces).isEmpty ? "" : String($0).trimmingSuffix { $0 == " " }
        }
        .dropLast()
    }
}

extension String {
    fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> String {
        var end = endIndex
        while end > startIndex, isTrimmed(self[index(before: end)]) { end = index(before: end) }
        return String(self[..<end])
    }
}
