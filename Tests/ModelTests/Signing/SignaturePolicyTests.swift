import Model
import Testing

@Suite struct `A policy for signatures` {
    private typealias Rule = SignaturePolicy.Rule

    private let policy = SignaturePolicy([
        Rule("*", keys: ["/any"]), Rule("org/*", keys: ["/org"]), Rule("org/free", keys: []),
        Rule("registry.local:5000/*", keys: ["/team"]), Rule("mine", keys: []),
    ])

    /// The names of a model: its own, and where it comes from.
    @Test(
        arguments: [
            (["org/m"], ["/org"]), (["ORG/M"], ["/org"]), (["org/free"], []), (["org/free-2"], ["/org"]),
            (["other/m"], ["/any"]), (["registry.local:5000/team/m"], ["/team"]), (["mine"], []),
            // A name of a person's own does not hide where the model is from.
            (["mine", "org/m"], ["/org"]), (["mine", "org/free"], []),
            (["org/m", "registry.local:5000/m"], ["/org", "/team"]),
            (["org/m", "org/m"], ["/org"]), ([], []),
        ] as [([String], [String])])
    func `asks of a model what the longest pattern says for each of its names`(names: [String], keys: [String]) {
        #expect(policy.demands(on: names).flatMap(\.keys) == keys)
    }

    @Test func `takes the stricter of two patterns that are as long`() {
        let policy = SignaturePolicy([Rule("a*", keys: []), Rule("*m", keys: ["/k"])])
        #expect(policy.demands(on: ["am"]).map(\.pattern) == ["*m"])
        #expect(policy.demands(on: ["ab"]).isEmpty)
    }

    @Test(arguments: [
        ("accept", []), ("require /k.pub", ["/k.pub"]), ("require /a,~/b c.pub , /d", ["/a", "~/b c.pub", "/d"]),
    ])
    func `is read from what a person writes`(value: String, keys: [String]) throws {
        let rule = try Rule("org/*", parsing: value)
        #expect(rule.keys == keys && rule.requires == !keys.isEmpty)
    }

    @Test(arguments: [
        "", "require", "require ", "require k.pub", "require /a,", "require /a,b", "accept /k", "deny", "Accept",
    ])
    func `is refused with how to write it`(value: String) throws {
        let error = try #require(throws: CakeError.self) { try Rule("org/*", parsing: value) }
        #expect(error.kind == .usage && error.fix?.contains("policy.org/* = require /path/key.pub") == true)
    }

    @Test(arguments: ["", "a b", "a\u{1b}b", String(repeating: "a", count: 401)])
    func `has patterns that can be names`(pattern: String) {
        #expect(throws: CakeError.self) { try Rule(pattern, parsing: "accept") }
    }
}
