import Model
import Platform

extension Session {
    /// Runs a command as if a person had typed it, with these variables.
    func run(
        typed words: [String], with variables: [String: String], output: StandardOutput
    ) async throws {
        let environment = Environment(arguments: words, variables: variables)
        let invocation = try Parser.parse(words, with: .standard)
        guard case .run(let asked) = invocation.request else { return }
        let inner = Session(
            try Settings(invocation.arguments, environment), environment, within: self, output: output)
        try await asked.read(invocation.arguments).run(in: inner)
    }
}
