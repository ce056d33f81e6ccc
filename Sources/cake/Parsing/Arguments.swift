import Model

/// What was typed after a verb, sorted by what it belongs to. Values are still text: a verb's `init` reads them.
struct Arguments: Sendable {
    /// By the option's name; a flag, or an option whose value was left out, has nil.
    private(set) var options: [String: [String?]] = [:]
    /// By the positional's placeholder.
    private(set) var words: [String: [String]] = [:]

    mutating func add(_ value: String?, to option: OptionForm) { options[option.name, default: []].append(value) }

    /// Gives an option that came without its value the word that followed it.
    mutating func complete(_ option: OptionForm, with value: String) { options[option.name] = [value] }

    mutating func add(_ word: String, to positional: Positional) {
        words[positional.placeholder, default: []].append(word)
    }

    func has(_ flag: Flag) -> Bool { options[flag.form.name] != nil }

    func has<Value>(_ option: Option<Value>) -> Bool { options[option.form.name] != nil }

    func value<Value>(of option: Option<Value>) throws(CakeError) -> Value? { try values(of: option).first }

    func values<Value>(of option: Option<Value>) throws(CakeError) -> [Value] {
        var values: [Value] = []
        for text in options[option.form.name] ?? [] {
            guard let text else { continue }
            do {
                values.append(try option.read(text))
            } catch {
                throw error.at("--\(option.form.name)")
            }
        }
        return values
    }

    /// For an option that the parser has already asked for.
    func required<Value>(_ option: Option<Value>) throws(CakeError) -> Value {
        guard let value = try value(of: option) else { throw CakeError(.usage, "--\(option.form.name) is missing") }
        return value
    }

    /// For a word that the parser has already asked for.
    func word(_ positional: Positional) throws(CakeError) -> String {
        guard let word = words[positional.placeholder]?.first else {
            throw CakeError(.usage, "\(positional.placeholder) is missing")
        }
        return word
    }

    func words(_ positional: Positional) -> [String] { words[positional.placeholder] ?? [] }
}
