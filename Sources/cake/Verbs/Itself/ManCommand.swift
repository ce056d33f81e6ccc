import Model
import Platform

struct ManCommand: Verb {
    /// A verb, or a page's name as `man` knows it (`cake-import`).
    let page: String?
    let listsPages: Bool

    private static let pageWord = Positional(
        "COMMAND", .optional, .command, "the command; without one, the page of cake itself")
    private static let list = Flag("list", "list the names of all pages")

    static let command = Command(
        Self.self, "man", for: .learn, "print a manual page",
        about: ["scripts/man DIR writes all pages into DIR/man1. With DIR in MANPATH, man finds them there."],
        positionals: [pageWord],
        options: [list.form],
        examples: [
            .init("cake man export | man -l -", "read a page"),
            .init("cake man --list", "list the pages"),
        ])

    init(_ arguments: Arguments) throws(CakeError) {
        page = arguments.words(Self.pageWord).first
        listsPages = arguments.has(Self.list)
    }
}

extension ManCommand {
    func run(in session: Session) async throws {
        let table = CommandTable.standard
        if listsPages {
            session.output.lines(["cake"] + table.commands.map { "cake-\($0.name)" })
        } else if let page, page != "cake" {
            let verb = page.hasPrefix("cake-") ? String(page.dropFirst(5)) : page
            session.output.lines(ManPage.lines(of: try table.find(verb)))
        } else {
            session.output.lines(ManPage.lines(of: table))
        }
    }
}
