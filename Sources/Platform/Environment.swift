internal import Glibc

/// What the process was started with: its words and the variables cake listens to. Read once, in `main`, and passed on,
/// so that nothing below depends on a variable that someone changes on the way, and tests give their own.
public struct Environment: Sendable {
    /// What was typed, without the name of the program.
    public let arguments: [String]
    public let variables: [String: String]

    public init(arguments: [String] = [], variables: [String: String]) {
        self.arguments = arguments
        self.variables = variables
    }

    public init(reading names: [String]) {
        arguments = Array(CommandLine.arguments.dropFirst())
        var variables: [String: String] = [:]
        for name in names {
            if let value = unsafe getenv(name) { variables[name] = unsafe String(cString: value) }
        }
        self.variables = variables
    }

    /// The variable's value; an empty one counts as not set, as the XDG rules and `NO_COLOR` ask.
    public subscript(name: String) -> String? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return value
    }
}
