internal import Glibc

/// The arguments of the process and the variables that cake uses. Read once, in `main`, and passed on: no code below
/// depends on a variable that changes later, and tests pass their own.
public struct Environment: Sendable {
    /// The typed words, without the name of the program.
    public let arguments: [String]
    public let variables: [String: String]

    public init(arguments: [String] = [], variables: [String: String]) {
        self.arguments = arguments
        self.variables = variables
    }

    public init(reading names: [String]) {
        self.init(arguments: Array(CommandLine.arguments.dropFirst()), variables: Environment.variables(names))
    }

    /// Those of these variables that are set.
    public static func variables(_ names: [String]) -> [String: String] {
        var variables: [String: String] = [:]
        for name in names {
            if let value = unsafe getenv(name) { variables[name] = unsafe String(cString: value) }
        }
        return variables
    }

    /// Blanks the values of these options in the words that other users of the machine see in a list of processes.
    /// Values that were read before are not affected.
    public static func hideFromOthers(_ options: [String]) {
        let words = unsafe CommandLine.unsafeArgv
        var hidesNext = false
        for index in 1..<max(1, Int(CommandLine.argc)) {
            guard let word = unsafe words[index] else { continue }
            let text = unsafe String(cString: word)
            let length = unsafe strlen(word)
            if hidesNext { unsafe memset(word, Int32(UInt8(ascii: "*")), length) }
            hidesNext = !hidesNext && options.contains(text)
            for option in options where text.utf8.starts(with: (option + "=").utf8) {
                let start = option.utf8.count + 1
                unsafe memset(word + start, Int32(UInt8(ascii: "*")), length - start)
            }
        }
    }

    /// The variable's value; an empty one counts as not set, as the XDG rules and `NO_COLOR` ask.
    public subscript(name: String) -> String? {
        guard let value = variables[name], !value.isEmpty else { return nil }
        return value
    }
}
