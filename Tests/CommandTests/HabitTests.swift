import Foundation
import Model
import Support
import Testing

@testable import cake

/// What a line typed out of the habit of another tool gets.
private enum Outcome: Sendable, CustomStringConvertible {
    /// It is this verb.
    case does(String)
    /// It is refused, and told to type this.
    case says(String)
    case shows

    var description: String {
        switch self {
        case .does(let verb): "cake \(verb)"
        case .says(let fix): "fix: \(fix)"
        case .shows: "help"
        }
    }
}

private let habits: [(line: String, outcome: Outcome)] = [
    // hf
    ("download org/name", .does("download")), ("upload m localhost:5111/m:v1", .does("push")),
    ("upload-large-folder m localhost:5111/m:v1", .does("push")), ("cache ls", .does("ls")),
    ("cache list", .does("ls")), ("cache rm m", .does("rm")), ("cache delete m", .does("rm")),
    ("cache prune", .does("gc")), ("cache verify m", .does("verify")), ("cache scan", .does("df")),
    ("scan-cache", .does("df")), ("delete-cache m", .does("rm")), ("auth login", .does("login")),
    ("auth logout", .does("logout")), ("auth whoami", .does("whoami")), ("models ls", .does("ls")),
    ("models info m", .does("inspect")), ("repo create org/name", .says("cake push NAME HOST/PATH:TAG")),
    ("env", .says("cake config")), ("list-models", .does("ls")), ("cache", .says("for example: cake ls")),
    ("cache nonsense", .says("after cache cake knows ls")), ("cache pull m", .says("did you mean cake pull?")),
    // docker, podman
    ("images", .does("ls")), ("image ls", .does("ls")), ("image rm m", .does("rm")), ("image prune", .does("gc")),
    ("image inspect m", .does("inspect")), ("image history m", .does("history")), ("rmi m", .does("rm")),
    ("tag m other", .does("tag")), ("pull org/name", .does("pull")), ("push m localhost:5111/m:v1", .does("push")),
    ("system df", .does("df")), ("system prune", .does("gc")), ("system prune -a", .says("cake gc --now")),
    ("info m", .does("inspect")), ("login ghcr.io", .does("login")), ("manifest inspect m", .does("inspect")),
    ("run m", .says("cake export NAME -o DIR")), ("ps", .says("cake serve")), ("stop m", .says("cake serve")),
    ("build .", .says("cake import PATH NAME")), ("save m -o m.tar", .does("save")),
    ("load m.tar", .does("load")), ("image save m -o m.tar", .does("save")), ("image load m.tar", .does("load")),
    ("rename m other", .does("mv")), ("images -a", .says("leave -a out")),
    ("rmi -f m", .does("rm")), ("-v images", .does("ls")), ("-V", .shows), ("--version", .shows),
    // ollama
    ("list", .does("ls")), ("show m", .does("inspect")), ("cp localhost:5111/a:1 localhost:5111/a:2", .does("copy")),
    ("create m", .says("cake import PATH NAME")), ("serve", .does("serve")), ("rm m", .does("rm")),
    // restic
    ("init", .says("cake import PATH")), ("backup ./m", .does("import")), ("restore m -o dir", .does("export")),
    ("snapshots", .does("history")), ("forget m", .does("rm")), ("prune", .does("gc")), ("check", .does("verify")),
    ("dump m config.json", .does("cat")), ("stats", .does("df")), ("diff a b", .does("diff")),
    ("unlock", .says("run the command again")), ("repair", .says("cake verify --repair")),
    // git
    ("clone org/name", .does("pull")), ("fetch org/name", .does("pull")), ("log m", .does("history")),
    ("checkout m -o dir", .does("export")), ("mv m other", .does("mv")), ("fsck", .does("verify")),
    ("gc", .does("gc")), ("status", .says("cake ls")), ("add ./m", .does("import")), ("commit", .says("cake import")),
    ("ls-remote org/name", .does("ls-remote")), ("config", .does("config")),
    // pip, apt, and the shell
    ("install org/name", .does("pull")), ("uninstall m", .does("rm")), ("get org/name", .does("pull")),
    ("delete m", .does("rm")), ("del m", .does("rm")), ("remove m", .does("rm")), ("du", .does("df")),
    ("ll", .does("ls")), ("details m", .does("inspect")), ("publish m localhost:5111/m:v1", .does("push")),
    ("find bert", .does("search")), ("upgrade", .says("cake pull NAME")), ("mount dir", .does("mount")),
    ("unmount dir", .does("umount")),
    // Options of other tools, and of other places
    ("-v ls", .does("ls")), ("ls -v", .does("ls")), ("--verbose ls", .does("ls")), ("-x ls", .says("cake ls --help")),
    ("--rebase gc", .says("cake gc --rebase")), ("ls --rebase", .says("--rebase is an option of cake gc")),
    ("ls --output json", .says("cake ls --json")), ("ls -o json", .says("cake ls --json")),
    ("rm -y m", .says("leave -y out")), ("rm -n m", .says("cake rm --dry-run")), ("gc --all", .says("cake gc --now")),
    ("import ./m --name m", .says("cake import PATH NAME")), ("pull org/name --debug", .says("cake pull --verbose")),
    ("pull org/name --no-progress", .says("cake pull --quiet")), ("export m --dir d", .says("cake export -o DIR")),
    ("pull org/name -d d", .says("cake pull --local-dir DIR")), ("ls --color never", .says("cake ls --no-color")),
    ("push m a/b --insecure", .says("--plain-http")), ("ls --jsn", .says("did you mean --json?")),
    ("export m --outpt d", .says("did you mean --output?")), ("lss", .says("did you mean cake ls?")),
    ("help delete", .does("help")), ("nonsense", .says("cake help lists the commands")),
]

@Suite struct `A habit of another tool` {
    @Test func `gets what it means, or the command to type`() throws {
        #expect(habits.count >= 80)
        for (line, outcome) in habits {
            let words = line.split(separator: " ").map(String.init)
            do {
                let invocation = try Parser.parse(words, with: .standard)
                switch (invocation.request, outcome) {
                case (.run(let command), .does(let verb)): #expect(command.name == verb, "\(line)")
                case (.version, .shows), (.help, .shows), (.overview, .shows): break
                default: Issue.record("\(line) was taken, and should give \(outcome)")
                }
            } catch {
                guard case .says(let fix) = outcome else {
                    Issue.record("\(line): \(error.what), and should give \(outcome)")
                    continue
                }
                #expect(error.kind == .usage, "\(line)")
                #expect(error.fix?.contains(fix) == true, "\(line): \(error.fix ?? "")")
            }
        }
    }

    /// A fix that leads to the next error would be a fault.
    @Test func `is told to type what cake understands`() throws {
        for (line, outcome) in habits {
            guard case .says = outcome else { continue }
            let words = line.split(separator: " ").map(String.init)
            guard let fix = refusal(words)?.fix else { continue }
            for command in commands(in: fix) {
                #expect(refusal(command + ["--help"]) == nil, "\(line): cake \(command.joined(separator: " "))")
            }
        }
    }

    @Test func `means the same to the help`() throws {
        for word in Habits.verbs.keys.sorted() {
            #expect(try CommandTable.standard.find(word).name == Habits.verbs[word], "\(word)")
        }
        for (first, group) in Habits.groups {
            for (second, verb) in group {
                #expect(try Parser.parse([first, second, "--help"], with: .standard).request.verb == verb)
            }
        }
    }

    private func refusal(_ words: [String]) -> CakeError? {
        do {
            _ = try Parser.parse(words, with: .standard)
            return nil
        } catch { return error }
    }

    /// Each `cake VERB OPTION…` in a text, up to the first word in capitals or with a comma.
    private func commands(in text: String) -> [[String]] {
        text.split(separator: "cake ", omittingEmptySubsequences: false).dropFirst().compactMap { rest in
            let words = rest.split(whereSeparator: { " ?;:".contains($0) }).map(String.init)
            guard let verb = words.first.map({ $0.filter { $0 != "," } }),
                CommandTable.standard.commands.contains(where: { $0.name == verb })
            else { return nil }
            return [verb] + words.dropFirst().prefix { $0.hasPrefix("--") || $0 == "DIR" }
        }
    }
}

extension Invocation.Request {
    fileprivate var verb: String? {
        switch self {
        case .help(let command), .run(let command): command.name
        case .overview, .version: nil
        }
    }
}

@Suite struct `A name that looks like an id` {
    @Test func `is refused when it is new, and works where it exists`() throws {
        let home = try Home()
        try home.makeModel("one", seed: 1)
        try home.cake("import", home.path("one").path)
        let path = home.path("one").path
        let like = "deadbeef"
        try FileManager.default.copyItem(at: home.path("one"), to: home.path(like))
        for words in [
            ["import", path, like], ["import", home.path(like).path], ["tag", "one", like], ["mv", "one", like],
            ["tag", "one", "0123456"], ["tag", "one", "sha256:0123456"], ["mv", "one", like, "--force"],
            ["pull", "org/name", "--as", like],
        ] {
            let refused = try home.cake(words)
            #expect(
                refused.status == 2 && refused.errors.contains("looks like the id of a model"),
                "\(words): \(refused.errors)")
            #expect(refused.errors.contains("fix: choose a name with another character"))
        }
        for name in ["deadbe", "deadbeefs", "team/deadbeef", "DEADBEEF", "deadbeef-1"] {
            #expect(try home.cake("tag", "one", name).status == 0, "\(name)")
        }
        // A name that an older cake gave.
        let names = home.store.appending(path: "names")
        try FileManager.default.copyItem(at: names.appending(path: "one"), to: names.appending(path: like))
        for words in [
            ["import", path, like], ["ls", like], ["inspect", like], ["tag", "one", like], ["mv", like, "other"],
        ] {
            let known = try home.cake(words)
            #expect(known.status == 0, "\(words): \(known.errors)")
        }
    }
}
