import Foundation
import Support

@testable import cake

/// Command lines that try the verbs of the program's table, in the table's order. A home for them has the models `one`
/// and `two`, as folders and in the store, `spare`, a second name of the first, and a setting.
enum EachVerb {
    private static let lines: [String: [String]] = [
        "import": ["import two"], "export": ["export one -o back --force"], "cat": ["cat one config.json"],
        "ls": ["ls", "ls --names", "ls --sort size"], "inspect": ["inspect one", "inspect one --tensors"],
        "save": ["save one two -o both.tar --force", "save one -o image.tar --as image --force"],
        "load": ["load both.tar"], "have": ["have", "have one"],
        "diff": ["diff one two"], "df": ["df"], "verify": ["verify", "verify one"],
        "sign": ["sign one --key key.pem", "verify one --signature --key key.pub"], "gc": ["gc --dry-run", "gc"],
        "optimize": ["optimize"], "rm": ["rm two --dry-run", "rm spare"], "tag": ["tag one uno"], "pin": ["pin uno"],
        "unpin": ["unpin uno"], "mv": ["mv two zwei", "mv zwei two"], "history": ["history one"], "config": ["config"],
        "help": ["help"], "man": ["man"],
        "completions": ["completions bash"], "version": ["version"],
    ]

    /// They ask a server, a person or a cache: other tests give them one.
    private static let elsewhere: Set = [
        "pull", "download", "stream", "mount", "umount", "push", "copy", "serve", "demo", "self-test", "ls-remote",
        "tags", "search",
        "reclaim",
        "login", "logout", "whoami",
    ]

    /// What they print is one text, with `--json` and `--quiet`, too.
    private static let texts: Set = ["cat", "help", "man", "completions"]
    /// Their answer is all they do.
    private static let questions: Set = ["ls", "inspect", "diff", "history", "have", "df", "config", "version"]

    /// Their list is shown with `--quiet`, too.
    private static let previews = ["export one -o back --dry-run"]

    private static func all(_ isWanted: (String) -> Bool) -> [String] {
        CommandTable.standard.commands.map(\.name).filter(isWanted).flatMap { lines[$0] ?? [] }
    }

    static var commands: [String] { all { _ in true } }
    static var withDocuments: [String] { all { !texts.contains($0) } + previews }
    static var withoutAnswers: [String] { all { !texts.contains($0) && !questions.contains($0) } }
    static var answers: [String] { all(questions.contains) + previews }

    /// Verbs of the table that are not tried, and tried ones that are not in it.
    static var unknown: Set<String> {
        Set(CommandTable.standard.commands.map(\.name)).symmetricDifference(elsewhere.union(lines.keys))
    }

    static func home() throws -> Home {
        let home = try Home()
        try home.makeModel("one")
        try home.makeModel("two", tensors: 9)
        for name in ["one", "two"] { try home.cake("import", home.path(name).path) }
        try home.cake("tag", "one", "spare")
        try home.cake("config", "alias.mine", "org/mine")
        let key = home.path("key.pem").path
        _ = try Tool.run("openssl", ["ecparam", "-genkey", "-name", "prime256v1", "-noout", "-out", key])
        _ = try Tool.run("openssl", ["pkey", "-in", key, "-pubout", "-out", home.path("key.pub").path])
        return home
    }
}
