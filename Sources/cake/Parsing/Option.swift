import Model

/// What a word on the command line stands for, so that the Tab key can offer it.
enum Completion: Hashable, Sendable {
    case nothing
    case path
    case folder
    /// A name in the store.
    case model
    case modelOrPath
    case command
    case words([String])
}

/// A word without dashes that a command takes, in the order given.
struct Positional: Sendable {
    enum Arity: Sendable { case one, optional, some, any }

    let placeholder: String
    let arity: Arity
    let completion: Completion
    /// What it is, after "needs": "the name of a model".
    let meaning: String

    init(_ placeholder: String, _ arity: Arity = .one, _ completion: Completion, _ meaning: String) {
        self.placeholder = placeholder
        self.arity = arity
        self.completion = completion
        self.meaning = meaning
    }

    var isRequired: Bool { arity == .one || arity == .some }
    var takesMany: Bool { arity == .some || arity == .any }

    var usage: String {
        switch arity {
        case .one: placeholder
        case .optional: "[\(placeholder)]"
        case .some: "\(placeholder)..."
        case .any: "[\(placeholder)...]"
        }
    }
}

/// How an option is spelled and what it is for; what its value means is known to `Option`.
struct OptionForm: Sendable {
    /// Without its dashes.
    let name: String
    let short: Character?
    /// Nil for a flag.
    let placeholder: String?
    let completion: Completion
    let help: String
    var isRequired = false
    var isRepeatable = false
    /// `--tensors` and `--tensors=GLOB` are both right.
    var isValueOptional = false

    var usage: String {
        guard let placeholder else { return short.map { "-\($0)" } ?? "--\(name)" }
        return short.map { "-\($0) \(placeholder)" } ?? "--\(name) \(placeholder)"
    }

    /// `-o, --output DIR`
    var spelling: String {
        var text = short.map { "-\($0), " } ?? "    "
        text += "--\(name)"
        if let placeholder { text += isValueOptional ? "[=\(placeholder)]" : " \(placeholder)" }
        return text
    }
}

struct Flag: Sendable {
    let form: OptionForm

    init(_ name: String, short: Character? = nil, _ help: String) {
        form = OptionForm(name: name, short: short, placeholder: nil, completion: .nothing, help: help)
    }
}

/// An option with a value, and how the value is read.
struct Option<Value: Sendable>: Sendable {
    private(set) var form: OptionForm
    let read: @Sendable (String) throws(CakeError) -> Value

    init(
        _ name: String, short: Character? = nil, _ placeholder: String, completing completion: Completion = .nothing,
        _ help: String, read: @escaping @Sendable (String) throws(CakeError) -> Value
    ) {
        form = OptionForm(name: name, short: short, placeholder: placeholder, completion: completion, help: help)
        self.read = read
    }

    var required: Option { with { $0.isRequired = true } }
    var repeatable: Option { with { $0.isRepeatable = true } }
    var withOptionalValue: Option { with { $0.isValueOptional = true } }

    private func with(_ change: (inout OptionForm) -> Void) -> Option {
        var copy = self
        change(&copy.form)
        return copy
    }
}

extension Option where Value == String {
    static func text(
        _ name: String, short: Character? = nil, _ placeholder: String, completing completion: Completion = .nothing,
        _ help: String
    ) -> Option {
        Option(name, short: short, placeholder, completing: completion, help) { text throws(CakeError) in
            guard !text.isEmpty else { throw CakeError(.usage, "the value is empty") }
            return text
        }
    }
}

extension Option where Value == Int {
    static func count(_ name: String, short: Character? = nil, _ help: String) -> Option {
        Option(name, short: short, "N", help) { text throws(CakeError) in
            guard let number = Int(text), number >= 0 else {
                throw CakeError(.usage, "\"\(Printable.escape(text))\" is not a whole number", fix: "write it like 10")
            }
            return number
        }
    }
}

extension Option where Value == Duration {
    static func duration(_ name: String, _ help: String) -> Option {
        Option(name, "TIME", help, read: Quantities.readDuration)
    }
}

extension Option where Value: CaseIterable & RawRepresentable<String> {
    static func choice(_ name: String, short: Character? = nil, _ placeholder: String, _ help: String) -> Option {
        let words = Value.allCases.map(\.rawValue)
        let form = "\(help): \(words.joined(separator: ", "))"
        return Option(name, short: short, placeholder, completing: .words(words), form) { text throws(CakeError) in
            try Choice.read(text, as: Value.self)
        }
    }
}

/// One of a few words.
enum Choice {
    static func read<Value: CaseIterable & RawRepresentable<String>>(
        _ text: String, as type: Value.Type
    ) throws(CakeError) -> Value {
        if let value = Value(rawValue: text) { return value }
        let words = Value.allCases.map(\.rawValue)
        let fix =
            Suggestion.nearest(to: text, among: words).map { "did you mean \($0)?" }
            ?? "choose one of \(words.joined(separator: ", "))"
        throw CakeError(
            .usage, "\"\(Printable.escape(text))\" is not one of \(words.joined(separator: ", "))", fix: fix)
    }
}
