import Model
import Testing

@testable import cake

private func parse(_ line: String) throws -> Invocation {
    try Parser.parse(words(line), with: .standard)
}

/// As a shell divides a line: what stands between two quotes is not divided.
private func words(_ line: String) -> [String] {
    var joined = ""
    for (number, part) in line.split(separator: "'", omittingEmptySubsequences: false).enumerated() {
        joined += number % 2 == 1 ? String(part).replacing(" ", with: "\u{0}") : String(part)
    }
    return joined.split(separator: " ").map { String($0).replacing("\u{0}", with: " ") }
}

private func read<V: Verb>(_ line: String, as type: V.Type) throws -> V {
    let invocation = try parse(line)
    guard case .run(let command) = invocation.request else { throw CakeError(.failed, "not a run: \(line)") }
    return try #require(try command.read(invocation.arguments) as? V)
}

private func refusal(_ line: String) -> CakeError? {
    do {
        let invocation = try parse(line)
        if case .run(let command) = invocation.request { _ = try command.read(invocation.arguments) }
        return nil
    } catch {
        return error as? CakeError
    }
}

@Suite struct `What is typed` {
    @Test func `is read the same however an option is spelled`() throws {
        let spellings = [
            "export m --output dir", "export m --output=dir", "export m -o dir", "export m -odir", "export m -o=dir",
            "export --output dir m", "-q export -o dir m", "export -qfodir m", "checkout m -o dir",
            "export -o dir -- m",
        ]
        for line in spellings {
            let export = try read(line, as: ExportCommand.self)
            #expect(export.names == ["m"], "\(line)")
            #expect(export.destination == "dir", "\(line)")
        }
    }

    @Test func `ends its options at two dashes`() throws {
        let rm = try read("rm a -- --force -x", as: RemoveCommand.self)
        #expect(rm.names == ["a", "--force", "-x"])
        #expect(!rm.removesPinned)
    }

    @Test func `may repeat an option that takes many`() throws {
        let export = try read("export m -o d --include *.json --include=*.txt --exclude a", as: ExportCommand.self)
        #expect(export.included == ["*.json", "*.txt"])
        #expect(export.excluded == ["a"])
    }

    @Test func `gives an option its optional value wherever that stands`() throws {
        #expect(try read("inspect m", as: InspectCommand.self).tensors == nil)
        #expect(try read("inspect m --tensors", as: InspectCommand.self).tensors == .all)
        #expect(try read("inspect --tensors m", as: InspectCommand.self).tensors == .all)
        #expect(try read("inspect --tensors m", as: InspectCommand.self).subjects == ["m"])
        for line in ["inspect m --tensors a*", "inspect --tensors a* m", "inspect -t=a* m", "inspect m --tensors=a*"] {
            let inspect = try read(line, as: InspectCommand.self)
            #expect(inspect.tensors == .glob("a*"), "\(line)")
            #expect(inspect.subjects == ["m"], "\(line)")
        }
        #expect(try read("inspect m -t /q|k/", as: InspectCommand.self).tensors == .regex("q|k"))
    }

    @Test func `asks for help, the version or an overview`() throws {
        func kind(_ line: String) throws -> String {
            switch try parse(line).request {
            case .overview: "overview"
            case .version: "version"
            case .help(let command): "help \(command.name)"
            case .run(let command): "run \(command.name)"
            }
        }
        #expect(try kind("") == "overview")
        #expect(try kind("--json") == "overview")
        #expect(try kind("-h") == "overview")
        #expect(try kind("--version") == "version")
        #expect(try kind("-V") == "version")
        #expect(try kind("--help gc") == "help gc")
        #expect(try kind("import --help") == "help import")
        #expect(try kind("export -qh") == "help export")
        #expect(try kind("--store x ls") == "run ls")
        #expect(try kind("images") == "run ls")
    }

    @Test(arguments: [
        ("improt x", "there is no command \"improt\"", "did you mean cake import?"),
        ("xyzzy", "there is no command \"xyzzy\"", "cake help lists the commands"),
        (
            "import", "import needs PATH: a folder, a file, or a Hugging Face cache",
            "for example: cake import ./mistral-ft mistral-ft"
        ),
        (
            "export m", "export needs -o PATH: where to write: a folder, a file for one file, or - for standard output",
            "for example: cake export m -o ./model"
        ),
        (
            "export m -o", "-o needs a value: where to write: a folder, a file for one file, or - for standard output",
            "write -o PATH"
        ),
        (
            "export m -o --force",
            "-o needs a value: where to write: a folder, a file for one file, or - for standard output",
            "write -o PATH"
        ),
        ("export m -o a -o b", "--output was given twice: a and b", "give it once"),
        (
            "export m -o a --format tar", "--format: \"tar\" is not one of files, fast, safetensors, hf-cache",
            "choose one of files, fast, safetensors, hf-cache"
        ),
        ("ls --revers", "ls has no option --revers", "did you mean --reverse?"),
        ("ls --sort siez", "--sort: \"siez\" is not one of name, size, rest, date, tensors", "did you mean size?"),
        ("ls --limit -1", "--limit: \"-1\" is not a whole number", "write it like 10"),
        ("ls --reverse=yes", "--reverse takes no value", "write --reverse alone"),
        ("ls --filter lager=5GB", "--filter: there is no filter \"lager\"", "did you mean larger?"),
        ("gc --grace 5x", "--grace: \"5x\" is not a time", "write it like 90s, 30m, 2h, 1h30m or 1d"),
        ("gc -z", "gc has no option -z", "cake gc --help shows what it takes"),
        (
            "--dry-run gc", "--dry-run is an option of gc, and has to come after it",
            "cake gc --dry-run"
        ),
        (
            "import a b c", "import does not know what to do with \"c\"",
            "it takes cake import PATH [NAME] [OPTIONS]; a name with spaces needs quotes around it"
        ),
        ("completions tcsh", "\"tcsh\" is not one of bash, zsh, fish", "choose one of bash, zsh, fish"),
    ]) func `is refused with what to type instead`(line: String, what: String, fix: String) throws {
        let error = try #require(refusal(line))
        #expect(error == CakeError(.usage, what, fix: fix))
    }

    @Test func `is escaped when it is quoted back`() throws {
        let error = try #require(throws: CakeError.self) { try Parser.parse(["\u{1b}[2J"], with: .standard) }
        #expect(!error.what.unicodeScalars.contains("\u{1b}"))
    }
}

@Suite struct `The table of commands` {
    @Test func `has no word twice`() {
        let commands = CommandTable.standard.commands
        let verbs = commands.flatMap { [$0.name] + $0.aliases }
        #expect(Set(verbs).count == verbs.count)
        for command in commands {
            let options = command.options + GlobalOptions.forms
            #expect(Set(options.map(\.name)).count == options.count, "\(command.name)")
            let short = options.compactMap(\.short)
            #expect(Set(short).count == short.count, "\(command.name)")
            #expect(Set(command.positionals.map(\.placeholder)).count == command.positionals.count, "\(command.name)")
        }
    }

    @Test func `has examples that parse`() throws {
        for command in CommandTable.standard.commands {
            #expect(!command.examples.isEmpty, "\(command.name)")
            for example in command.examples {
                // What a shell would do, as far as the examples need it.
                let words = example.line.replacing(" < ", with: " > ").split(separator: "&&").first?.split(
                    separator: "|"
                ).first?.split(
                    separator: ">"
                ).first
                var line = String(words ?? "").replacing("source <(", with: "")
                line = line.replacing(")", with: "")
                guard line.hasPrefix("cake ") else { continue }
                let error = refusal(String(line.dropFirst(5)))
                #expect(error == nil, "\(example.line)")
            }
        }
    }
}
