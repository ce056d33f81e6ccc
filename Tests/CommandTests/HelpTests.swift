import Foundation
import Support
import Testing

@testable import cake

private func page(_ width: Int) -> Page { Page(width: width, style: Style(isOn: false)) }

@Suite struct `The help` {
    @Test(arguments: CommandTable.standard.commands.map(\.name)) func `of a command`(name: String) throws {
        let command = try CommandTable.standard.find(name)
        try Golden.check(HelpText.lines(of: command, page(80)), "help-\(name)")
    }

    @Test func `gives an overview`() throws {
        try Golden.check([40, 80].flatMap { Overview.lines(of: .standard, page($0)) }, "overview")
    }

    @Test func `fits a narrow terminal`() {
        for command in CommandTable.standard.commands {
            // An example is one line to copy, however long.
            let examples = Set(command.examples.map { "  " + $0.line })
            for line in HelpText.lines(of: command, page(40)) where !examples.contains(line) {
                #expect(TextWidth.of(line) <= 40, "cake \(command.name): \(line)")
            }
        }
    }
}

@Suite struct `A manual page` {
    @Test(.enabled(if: Tool.exists("groff"))) func `has nothing for groff to warn about`() throws {
        let table = CommandTable.standard
        for lines in [ManPage.lines(of: table)] + table.commands.map({ ManPage.lines(of: $0) }) {
            let result = try Tool.run(
                "groff", ["-man", "-Tutf8", "-ww", "-z"], input: lines.joined(separator: "\n") + "\n")
            #expect(result.errors == "", "\(lines[0])")
        }
    }

    @Test func `is as it should be`() throws {
        try Golden.check(ManPage.lines(of: CommandTable.standard), "man")
        try Golden.check(ManPage.lines(of: ExportCommand.command), "man-export")
    }
}

@Suite struct `The Tab key` {
    @Test(.enabled(if: Tool.exists("bash"))) func `has a script that bash reads`() throws {
        try check("bash", BashCompletion.lines(of: .standard))
    }

    @Test(.enabled(if: Tool.exists("zsh"))) func `has a script that zsh reads`() throws {
        try check("zsh", ZshCompletion.lines(of: .standard))
    }

    @Test(.enabled(if: Tool.exists("fish"))) func `has a script that fish reads`() throws {
        try check("fish", FishCompletion.lines(of: .standard))
    }

    private func check(_ shell: String, _ lines: [String]) throws {
        let result = try Tool.run(shell, ["-n", "/dev/stdin"], input: lines.joined(separator: "\n") + "\n")
        #expect(result.errors == "")
        #expect(result.status == 0)
    }

    @Test(
        .enabled(if: Tool.exists("bash")),
        arguments: [
            ("cake im", "import"), ("cake p", "pull push pin"), ("cake export m", "mistral-7b mistral-ft"),
            ("cake --store x export m", "mistral-7b mistral-ft"), ("cake export mistral-7b --f", "--format --force"),
            ("cake export mistral-7b --format ", "files fast safetensors hf-cache"), ("cake ls --sort d", "date"),
            ("cake completions ", "bash zsh fish"),
            ("cake help ver", "verify version"), ("cake images --li", "--limit"), ("cake import /et", "/etc"),
            ("cake export m --format =", "files fast safetensors hf-cache"), ("cake export m --format = fi", "files"),
            ("cake --store = x export m", "mistral-7b mistral-ft"), ("cake serve ", "token"),
            ("cake inspect evil", ""),
            ("cake ls --filter pin", "pinned=yes pinned=no"), ("cake ls --filter l", "larger="),
            ("cake serve token ", "\(TokenWork.actions.joined(separator: " "))"), ("cake serve token add x", ""),
            ("cake serve --listen = :80 token r", "rm"), ("cake config alias", "alias."), ("cake tag mistral-7b m", ""),
            ("cake rm mistral-7b m", "mistral-7b mistral-ft"), ("cake mv m", "mistral-7b mistral-ft"),
            ("cake diff -t m", "mistral-7b mistral-ft"), ("cake history -q m", "mistral-7b mistral-ft"),
        ]) func `offers in bash what can stand there`(typed: String, offered: String) throws
    {
        let words = typed.split(separator: " ", omittingEmptySubsequences: false).map(String.init)
        let script =
            BashCompletion.lines(of: .standard).joined(separator: "\n")
            + "\ncake() { printf 'mistral-7b\\nmistral-ft\\nevil$(echo x)\\n'; }\ncompopt() { :; }\n"
            + "COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))\nCOMP_CWORD=\(words.count - 1)\n"
            + "_cake\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
        let result = try Tool.run("bash", ["-s"], input: script)
        #expect(result.errors == "")
        #expect(result.output.split(separator: "\n").map(String.init) == offered.split(separator: " ").map(String.init))
    }

    /// bash takes words apart at @ and :, and replaces what stands behind the last of them.
    @Test(
        .enabled(if: Tool.exists("bash")),
        arguments: [
            ("cake ls tune@", "26bca36b 8fde8333"), ("cake diff tune@2", "26bca36b"), ("cake ls tune", "tune"),
            ("cake diff tune@26bca36b host:5", "5000/m:v1"), ("cake ls host:5000/m:", "v1"),
            ("cake tag tune@26bca36b ", ""), ("cake --store=x rm host:5000/m:v1 t", "tune"),
            ("cake export tune@26bca36b --f", "--format --force"), ("cake ls other@", ""),
        ]) func `offers in bash the versions behind a name, and names with colons`(typed: String, offered: String)
        throws
    {
        let words =
            typed.replacing(/[@:=]/, with: { " \($0.output) " })
            .replacing("  ", with: " ").split(separator: " ", omittingEmptySubsequences: true).map(String.init)
            + (typed.hasSuffix(" ") ? [""] : [])
        let script =
            BashCompletion.lines(of: .standard).joined(separator: "\n")
            + "\ncake() { if [[ $* == 'history --names tune' ]]; then printf 'tune@26bca36b\\ntune@8fde8333\\n'; "
            + "elif [[ $1 == ls ]]; then printf 'tune\\nhost:5000/m:v1\\n'; fi; }\ncompopt() { :; }\n"
            + "COMP_WORDBREAKS=$' \\t\\n\"\\'@><=;|&(:'\nCOMP_LINE='\(typed)'\nCOMP_POINT=\(typed.utf8.count)\n"
            + "COMP_WORDS=(\(words.map { "'\($0)'" }.joined(separator: " ")))\nCOMP_CWORD=\(words.count - 1)\n"
            + "_cake\nprintf '%s\\n' \"${COMPREPLY[@]}\"\n"
        let result = try Tool.run("bash", ["-s"], input: script)
        #expect(result.errors == "")
        #expect(result.output.split(separator: "\n").map(String.init) == offered.split(separator: " ").map(String.init))
    }
}
