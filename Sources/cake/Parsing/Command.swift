import Model

/// A verb as it is typed: what the parser reads, and what the help, the man pages and the completions are made from.
struct Command: Sendable {
    enum Purpose: String, CaseIterable, Sendable {
        case move = "Move models in and out"
        case look = "Look at models"
        case keep = "Keep the store tidy"
        case setUp = "Set cake up"
        case learn = "Learn"
    }

    struct Example: Sendable {
        let line: String
        let meaning: String

        init(_ line: String, _ meaning: String) {
            self.line = line
            self.meaning = meaning
        }
    }

    let name: String
    /// What people type who know docker, hf, git or ollama.
    let aliases: [String]
    let purpose: Purpose
    /// One line that goes on after "cake import ": no capital, no full stop.
    let summary: String
    /// Paragraphs for the help and the man page.
    let about: [String]
    let positionals: [Positional]
    let options: [OptionForm]
    let examples: [Example]
    /// What remains and how to go on, for someone who pressed Ctrl-C. Nil for a verb that only reads.
    let whenInterrupted: String?
    /// Checks everything that was typed, so that nothing is done before all of it is understood.
    let read: @Sendable (Arguments) throws(CakeError) -> any Verb

    init<V: Verb>(
        _ verb: V.Type, _ name: String, aliases: [String] = [], for purpose: Purpose, _ summary: String,
        about: [String] = [], positionals: [Positional] = [], options: [OptionForm] = [], examples: [Example],
        whenInterrupted: String? = nil
    ) {
        self.name = name
        self.aliases = aliases
        self.purpose = purpose
        self.summary = summary
        self.about = about
        self.positionals = positionals
        self.options = options
        self.examples = examples
        self.whenInterrupted = whenInterrupted
        read = { arguments throws(CakeError) in try V(arguments) }
    }

    /// `cake export NAME -o DIR [OPTIONS]`, with what must be given spelled out.
    var usage: String {
        var parts = ["cake \(name)"]
        parts += positionals.map(\.usage)
        parts += options.filter(\.isRequired).map(\.usage)
        if options.contains(where: { !$0.isRequired }) { parts.append("[OPTIONS]") }
        return parts.joined(separator: " ")
    }
}

/// A verb whose words are read: the options as stored values, and what to do with them.
protocol Verb: Sendable {
    static var command: Command { get }
    init(_ arguments: Arguments) throws(CakeError)
    func run(in session: Session) async throws
    /// The exit status of a failure that has none of its own.
    var statusOfFailure: Int32 { get }
    /// What it may take to end after Ctrl-C.
    var timeToEnd: Duration { get }
    /// Whether Ctrl-C is its usual end: then it has an exit status of its own.
    var endsBySignal: Bool { get }
}

extension Verb {
    var statusOfFailure: Int32 { CakeError.Kind.failed.rawValue }
    var timeToEnd: Duration { Patience.usual }
    var endsBySignal: Bool { false }
}

/// Thrown by a verb whose exit status is an answer (`cake diff --exit-code`) and no failure: nothing is printed.
struct Answer: Error {
    let status: Int32
}
