import Model
import Store

/// A token that was made for the registry.
struct TokenMade: Finding {
    let name: String
    let secret: String

    func lines(on page: Page) -> [String] { [secret] }

    var document: JSONValue { ["name": JSONValue(name), "token": JSONValue(secret)] }
}

struct TokenRemoved: Summary {
    let name: String

    func lines(on page: Page) -> [String] { ["removed the token \(name)"] }

    var document: JSONValue { ["removed": JSONValue(name)] }
}

/// The registry's tokens, and what each allows.
struct TokenList: Finding {
    let tokens: AccessTokens

    var notes: [String] { tokens.all.isEmpty ? ["there are no tokens; cake serve token add NAME makes one"] : [] }

    func lines(on page: Page) -> [String] {
        tokens.all.map { token in
            let words = token.read.map { "read \($0)" } + token.push.map { "push \($0)" }
            return "\(token.name): \(words.joined(separator: ", "))"
        }
    }

    var document: JSONValue {
        .array(
            tokens.all.map { token in
                [
                    "name": JSONValue(token.name), "read": .array(token.read.map { .string($0.description) }),
                    "push": .array(token.push.map { .string($0.description) }),
                ]
            })
    }
}
