import Foundation
import Support
import Testing

@Suite(.timeLimit(.minutes(15))) struct `A stream that is closed` {
    private let home: Home

    init() throws { home = try EachVerb.home() }

    /// Standard input, output and errors, and each set of them.
    private static let closed = ["<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"]

    private func run(_ command: String, _ closed: String) throws -> Tool {
        try home.shell("cd && timeout 60 $CAKE \(command) \(closed)")
    }

    @Test(arguments: closed) func `is as one that leads nowhere`(_ closed: String) throws {
        for command in EachVerb.commands + ["export one -o - "] {
            let result = try run(command, closed)
            #expect(result.status == 0, "\(command) \(closed): \(result.errors)")
            #expect(!closed.contains(" >&-") && !closed.hasPrefix(">&-") || result.output.isEmpty)
        }
        let verified = try home.cake("verify")
        #expect(verified.status == 0, "\(verified.errors)")
    }

    @Test(arguments: closed) func `hides no failure, and gets none of its words`(_ closed: String) throws {
        for command in ["inspect nothing", "export nothing -o -", "import nowhere", "verify nothing"] {
            let open = try run(command, "")
            let result = try run(command, closed)
            #expect(open.status != 0 && result.status == open.status, "\(command) \(closed): \(result.errors)")
            #expect(result.errors == (closed.contains("2>&-") ? "" : open.errors))
        }
        #expect(try home.cake("verify").status == 0)
    }

    @Test func `is no place to type a token or a password`() throws {
        let login = try run("login", "<&-")
        #expect(login.status == 2 && login.errors.contains("no token was given"), "\(login.status) \(login.errors)")
        let password = try run("login localhost:1 -u me --password-stdin", "<&-")
        #expect(password.status == 2, "\(password.status) \(password.errors)")
    }
}
