import Testing

@testable import Model

@Suite struct `Front matter` {
    /// Texts that grow with a number, each of a kind that a careless reader looks at again and again.
    static let shapes: [(name: String, make: @Sendable (Int) -> String)] = [
        ("brackets", { "base_model: " + String(repeating: "[", count: $0) }),
        ("closed brackets", { "a: [" + String(repeating: "[", count: $0) + String(repeating: "]", count: $0) + "]" }),
        ("braces", { "a: " + String(repeating: "{", count: $0) }),
        ("members with braces", { "a: [" + String(repeating: "{,", count: $0) + "]" }),
        ("empty members", { "a: [" + String(repeating: ",", count: $0) + "]" }),
        ("members", { "a: [" + String(repeating: "b, ", count: $0) + "c]" }),
        ("quotes", { "a: " + String(repeating: "\"", count: $0) }),
        ("quotes in a list", { "a: [" + String(repeating: "'\"", count: $0) }),
        ("a long text", { "a: " + String(repeating: "b", count: $0) }),
        ("a long key", { String(repeating: "b", count: $0) + ": a" }),
        ("colons", { String(repeating: ":", count: $0) }),
        ("colons in an entry", { "a:\n- " + String(repeating: ":", count: $0) }),
        ("spaces", { "a:" + String(repeating: " ", count: $0) + "b" }),
        ("spaces in a list", { "a: [" + String(repeating: " ", count: $0) + "b]" }),
        ("a long list", { "a:\n" + String(repeating: "- b\n", count: $0) }),
        ("dashes", { "a:\n" + String(repeating: "- ", count: $0) }),
        ("many keys", { (0..<$0).map { "key\($0): a\n" }.joined() }),
        ("the same key", { String(repeating: "a: b\n", count: $0) }),
        ("empty lines", { String(repeating: "\n", count: $0) }),
        ("indented lines", { String(repeating: "  a: b\n", count: $0) }),
        ("rules that are none", { String(repeating: "----\n", count: $0) }),
        ("returns", { "a: " + String(repeating: "\r", count: $0) + "b" }),
    ]

    private static func read(_ text: String) -> FrontMatter { FrontMatter(of: Array("---\n\(text)\n---\n".utf8).span) }

    @Test(arguments: shapes.map(\.name)) func `costs a few looks at each byte, whatever is in it`(name: String) throws {
        let make = try #require(Self.shapes.first { $0.name == name }).make
        for count in [1000, 5000, 20_000, 60_000] {
            let text = make(count)
            #expect(Self.read(text).looks <= 8 * (text.utf8.count + 16), "\(count)")
        }
    }

    @Test func `has an end`() {
        let card = "---\n" + String(repeating: "a: b\n", count: 1 << 20)
        #expect(FrontMatter(of: Array(card.utf8).span).looks <= 8 * FrontMatter.longest)
        let late = "---\n" + String(repeating: "#\n", count: FrontMatter.mostLines) + "a: b\n---\n"
        #expect(FrontMatter(of: Array(late.utf8).span).keys.members.isEmpty)
    }

    @Test func `has texts up to a length`() {
        let (fits, long) = (FrontMatter.longestText, FrontMatter.longestText + 1)
        for (count, isHere) in [(fits, true), (long, false)] {
            let text = String(repeating: "b", count: count)
            #expect((Self.read("a: \(text)").keys["a"] == .string(text)) == isHere)
            #expect(Self.read("a: [c, \(text)]").keys["a"]?.array?.count == (isHere ? 2 : 1))
            #expect(Self.read("a:\n- c\n- \(text)").keys["a"]?.array?.count == (isHere ? 2 : 1))
        }
    }

    @Test(
        arguments: [
            ("a: b", ["a": "b"]), ("a: 'b'", ["a": "b"]), ("a: \"b: c\"", ["a": "b: c"]), ("a: it's", ["a": "it's"]),
            ("a: true\nb: \"true\"", ["a": true, "b": "true"]), ("a: b\na: c", ["a": "b"]),
            ("# a: b\nc: d", ["c": "d"]),
            ("a: [b, \"c, d\", 'e']", ["a": ["b", "c, d", "e"]]), ("a: []", ["a": []]),
            ("a: [it's, b]", ["a": ["it's", "b"]]),
            ("a: [b", [:]), ("a: [b, [c]]", [:]), ("a: [b] c", [:]), ("a: {b: c}", [:]),
            ("a: |\n  b: c\nd: e", ["d": "e"]),
            ("a:\n- b\n-\n- c", ["a": ["b", "", "c"]]), ("a:\n- b: c\n- d", [:]), ("a:\nb: c", ["b": "c"]),
            ("- a\nb: c", ["b": "c"]), ("a:b", ["a": "b"]), ("  a: b", [:]), ("a: b\r\nc: d\r", ["a": "b", "c": "d"]),
            ("base_model:  - x", ["base_model": "- x"]),
        ] as [(String, JSONValue)])
    func `has texts, truths and lists of these`(text: String, keys: JSONValue) {
        #expect(.object(Self.read(text).keys) == keys)
    }

    @Test(arguments: ["", "---", "--\na: b\n---", " ---\na: b", "----\na: b", "a: b"]) func `begins with a rule`(
        card: String
    ) {
        #expect(FrontMatter(of: Array(card.utf8).span).keys.members.isEmpty)
    }
}
