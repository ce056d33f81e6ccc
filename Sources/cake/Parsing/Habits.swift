import Model

/// Words that people type who know docker, podman, hf, git, restic or ollama. Each leads to the verb of cake's that does the same, or
/// is answered with the command to type instead.
enum Habits {
    /// Another tool's word and the verb that it means here. What the help shows as other names is with the verbs.
    static let verbs: [String: String] = [
        "info": "inspect", "details": "inspect", "describe": "inspect",
        "delete": "rm", "del": "rm", "forget": "rm", "erase": "rm", "uninstall": "rm", "delete-cache": "rm",
        "check": "verify", "validate": "verify", "scrub": "verify",
        "restore": "export", "extract": "export",
        "clone": "pull", "fetch": "pull", "get": "pull", "install": "pull",
        "upload": "push", "publish": "push", "upload-large-folder": "push",
        "list-models": "ls", "ll": "ls", "dir": "ls",
        "scan": "df", "scan-cache": "df", "du": "df", "usage": "df", "stats": "df",
        "dump": "cat", "backup": "import", "ingest": "import",
        "log": "history", "cmp": "diff", "signin": "login", "signout": "logout",
        "clean": "gc", "cleanup": "gc", "dedup": "optimize", "dedupe": "optimize",
        "untag": "rm", "branch": "tag", "doctor": "verify", "selftest": "self-test", "compress": "optimize",
        "sync": "pull", "daemon": "serve",
        "size": "df", "settings": "config", "find": "search", "completion": "completions", "server": "serve",
    ]

    /// Words that need a second one, such as `hf cache ls`, `docker image rm` and `hf auth login`.
    static let groups: [String: [(word: String, verb: String)]] = [
        "cache": [
            ("ls", "ls"), ("list", "ls"), ("scan", "df"), ("rm", "rm"), ("delete", "rm"), ("prune", "gc"),
            ("verify", "verify"),
        ],
        "system": [("df", "df"), ("prune", "gc"), ("info", "df")],
        "auth": [("login", "login"), ("logout", "logout"), ("whoami", "whoami"), ("list", "whoami")],
        "registry": [("login", "login"), ("logout", "logout")],
        "image": models, "model": models, "models": models, "manifest": [("inspect", "inspect")],
    ]

    private static let models: [(word: String, verb: String)] = [
        ("ls", "ls"), ("list", "ls"), ("rm", "rm"), ("remove", "rm"), ("delete", "rm"), ("prune", "gc"),
        ("inspect", "inspect"), ("info", "inspect"), ("show", "inspect"), ("history", "history"), ("tag", "tag"),
        ("pull", "pull"), ("push", "push"), ("import", "import"), ("save", "save"), ("load", "load"),
    ]

    /// What cake does not do, or does with other words: what to say, and what to type.
    static func answer(_ word: String) -> CakeError? {
        guard let (what, fix) = answers[word] else { return nil }
        return CakeError(.usage, what, fix: fix)
    }

    private static let runsNothing = (
        "cake does not run models",
        "cake export NAME -o DIR writes a model's files for a program that does; cake serve lets programs load it"
    )

    private static let goesBack = (
        "a name goes back with tag", "cake history NAME lists its versions, cake tag NAME@ID brings one back"
    )

    private static let answers: [String: (what: String, fix: String)] = [
        "run": runsNothing, "ps": runsNothing, "stop": runsNothing, "start": runsNothing, "exec": runsNothing,
        "chat": runsNothing, "generate": runsNothing,
        "build": ("cake does not build models", "cake import PATH NAME stores a model that is on this disk"),
        "create": ("cake does not build models", "cake import PATH NAME stores a model that is on this disk"),
        "commit": ("a model's files become a new version when they are imported again", "cake import PATH NAME"),
        "init": ("cake makes its store when it is first needed", "cake import PATH stores a model"),
        "rollback": goesBack, "undo": goesBack, "reset": goesBack, "revert": goesBack,
        "rebase": ("bases are freed by gc", "cake gc --rebase"),
        "merge": ("cake does not change models", "cake diff A B compares two models"),
        "convert": ("cake does not convert models", "cake export NAME --format safetensors -o DIR writes other shards"),
        "quantize": (
            "cake does not change models", "cake export NAME -o DIR writes a model's files for a program that does"
        ),
        "logs": ("cake keeps no log", "cake serve prints a line for each request; cake history NAME lists versions"),
        "unlock": ("a lock of cake's ends with the command that holds it", "run the command again"),
        "repair": ("damaged layers are repaired as they are checked", "cake verify --repair"),
        "alias": ("short names are settings", "cake config alias.NAME org/model"),
        "status": ("cake has no status", "cake ls lists the models, cake df shows what they take"),
        "env": (
            "cake has no environment of its own to show", "cake config shows the settings, cake version the version"
        ),
        "mirror": (
            "a mirror is a server that asks the Hub for what it lacks", "cake serve --upstream https://huggingface.co"
        ),
        "repo": ("a repository begins with the first push to it", "cake push NAME HOST/PATH:TAG"),
        "repos": ("a repository begins with the first push to it", "cake push NAME HOST/PATH:TAG"),
        "update": ("cake does not update itself", "cake pull NAME brings the latest version of a model"),
        "upgrade": ("cake does not update itself", "cake pull NAME brings the latest version of a model"),
    ]
}

extension Habits {
    /// An option that another tool has, where a verb of cake's lacks it: the right command.
    static func option(_ written: String, value: String?, of command: Command) -> String? {
        let verb = command.name
        func has(_ option: String) -> Bool { command.options.contains { $0.name == option } }
        switch written {
        case "--yes", "-y", "--assume-yes", "--no-input", "-i", "--interactive":
            return "cake \(verb) asks nothing: leave \(written) out"
        case "--output", "-o", "--format":
            if value == nil || value == "json" || value == "yaml" { return "for a program: cake \(verb) --json" }
            if has("local-dir") { return "the folder to write to: --local-dir DIR" }
        case "--debug", "--trace", "--progress": return "for more words: cake \(verb) --verbose"
        case "--no-progress", "--disable-progress", "--no-progress-bar", "--silent":
            return "without progress: cake \(verb) --quiet"
        case "--color", "--colour": return "without colour: cake \(verb) --no-color"
        case "--name", "--as", "--tag", "-t":
            if verb == "import" { return "the name comes after the path: cake import PATH NAME" }
            if verb == "ls", written == "-t" { return "cake ls --sort date" }
        case "--output-dir", "--out", "--dir", "-d", "--destination", "--dest", "--local-dir", "--directory":
            if has("output") { return "where to write: cake \(verb) -o DIR" }
            if has("local-dir") { return "where to write: cake \(verb) --local-dir DIR" }
        case "--dryrun", "-n", "--simulate", "--whatif":
            if has("dry-run") { return "cake \(verb) --dry-run" }
        case "--insecure", "--tls-verify", "--plain", "--http", "--allow-insecure":
            if has("plain-http") { return "for a registry without TLS: --plain-http" }
        case "--cache-dir", "--repo", "--root", "--home": return "where the store is: cake \(verb) --store DIR"
        case "-f", "--force", "-rf": return "cake \(verb) asks nothing: leave \(written) out"
        case "--private-key", "--private_key", "--public-key", "--public_key", "--pubkey":
            if has("key") { return "the file of the key: cake \(verb) --key FILE" }
        case "--ignore_unsigned_files", "--ignore-unsigned": if verb == "verify" { return "--ignore-unsigned-files" }
        case "--fix", "--repair-damaged": if verb == "verify" { return "cake verify --repair" }
        case "--no-trunc", "--digests", "--long": if verb == "ls" { return "cake ls -l" }
        case "-S": if verb == "ls" { return "cake ls --sort size" }
        case "-1": if verb == "ls" { return "cake ls --names" }
        case "--recursive", "-R", "-r":
            return "cake \(verb) takes everything of a model: leave \(written) out"
        case "--all", "-a":
            switch verb {
            case "ls": return "cake ls lists every model: leave \(written) out"
            case "gc": return "to keep nothing for a grace time: cake gc --now"
            case "rm": return "cake rm '*' removes every name"
            default: return "cake \(verb) takes every model when none is named: leave \(written) out"
            }
        default: break
        }
        return nil
    }
}
