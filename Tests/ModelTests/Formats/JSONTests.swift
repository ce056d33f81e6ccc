import Model
import Support
import Testing

@Suite struct `JSON as a tree` {
    private func parse(_ text: String) throws(CakeError) -> JSONValue {
        let bytes = Array(text.utf8)
        return try JSONValue(parsing: bytes.span)
    }

    @Test(
        arguments: [
            ("null", JSONValue.null), (" true\n", true), ("\tfalse\r", false), ("0", 0), ("-1", -1),
            ("18446744073709551615", JSONValue(UInt64.max)), ("-9223372036854775808", JSONValue(Int.min)),
            ("18446744073709551616", JSONValue(18446744073709551616.0)), ("-0", JSONValue(-0.0)),
            ("1.5e2", JSONValue(150.0)), ("1E+2", JSONValue(100.0)), ("0e99999999999", JSONValue(0.0)),
            ("1e308", JSONValue(1e308)),
            ("\"\"", ""), ("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "a\"\\/\u{8}\u{c}\n\r\t"),
            ("\"\\u00e9\\u0000\"", "é\u{0}"),
            ("\"\\ud83d\\uDE00\"", "😀"), ("\"😀é\"", "😀é"), ("[]", []), ("[1, [2], {}]", [1, [2], [:]]),
            ("{ \"b\" : 1 , \"a\" : [ ] }", ["b": 1, "a": []]),
        ] as [(String, JSONValue)])
    func `reads what JSON allows`(_ text: String, _ value: JSONValue) throws {
        #expect(try parse(text) == value)
    }

    @Test(arguments: [
        "", " ", "{", "[", "[1", "[1,", "[1,]", "[,1]", "{\"a\":1,}", "{,}", "{\"a\"}", "{\"a\" 1}", "{a:1}", "{1:1}",
        "[1 2]",
        "1 2", "nul", "True", "NaN", "Infinity", "-", "+1", "01", "-01", "1.", ".5", "1e", "1e+", "0x1", "1e309",
        "-1e309",
        "\"", "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12g4\"", "\"\\ud800\"", "\"\\ud800\\n\"", "\"\\ud800\\ud800\"",
        "\"\\udc00\"", "\"\u{1}\"", "\"\u{1f}\"", "\"\n\"", "\u{feff}{}", "{}\u{0}", "{}\u{c}", "// a\n1", "'a'", "[1}",
        "{\"a\":1]",
    ])
    func `refuses what JSON does not`(_ text: String) {
        #expect(refusal { () throws(CakeError) in try parse(text) }?.kind == .damaged)
    }

    @Test func `refuses text that is not UTF-8`() {
        for bad: [UInt8] in [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82], [0xf4, 0x90, 0x80, 0x80]] {
            let bytes = [UInt8(ascii: "\"")] + bad + [UInt8(ascii: "\"")]
            #expect(throws: CakeError.self) { try JSONValue(parsing: bytes.span) }
        }
    }

    @Test func `nests 127 deep and no deeper`() throws {
        _ = try parse(String(repeating: "[", count: 127) + String(repeating: "]", count: 127))
        #expect(throws: CakeError.self) {
            try parse(String(repeating: "[", count: 128) + String(repeating: "]", count: 128))
        }
        let bomb = Array(String(repeating: "[{\"a\":", count: 500_000).utf8)
        #expect(throws: CakeError.self) { try JSONValue(parsing: bomb.span) }
        #expect(throws: CakeError.self) {
            var scanner = JSONScanner()
            try scanner.skipValue(in: bomb.span)
        }
    }

    @Test func `counts depth by what is open, not by what was seen`() throws {
        _ = try parse("[" + Array(repeating: "[[]]", count: 300).joined(separator: ",") + "]")
    }

    @Test func `refuses a key given twice, or keeps both`() throws {
        let bytes = Array("{\"a\":1,\"b\":2,\"\\u0061\":3}".utf8)
        let error = refusal { () throws(CakeError) in try JSONValue(parsing: bytes.span) }
        #expect(error?.what.contains("\"a\" twice") == true)
        let kept = try JSONValue(parsing: bytes.span, repeatedKeys: .kept)
        #expect(kept.object?.members.count == 3)
        #expect(kept["a"] == 3)
    }

    @Test func `keeps keys apart that look the same`() throws {
        let value = try parse("{\"\u{e9}\":1,\"e\u{301}\":2}")
        #expect(value["\u{e9}"] == 1)
        #expect(value["e\u{301}"] == 2)
    }

    @Test func `refuses more than its limit`() {
        let bytes = Array("[1,2,3]".utf8)
        #expect(throws: CakeError.self) { try JSONValue(parsing: bytes.span, limit: 6) }
        #expect(throws: Never.self) { try JSONValue(parsing: bytes.span, limit: 7) }
    }

    @Test func `says which byte is wrong`() {
        let error = refusal { () throws(CakeError) in try parse("{\"a\": tru}") }
        #expect(error?.what == "JSON byte 6: true or false is missing (found \"t\")")
        let cut = refusal { () throws(CakeError) in try parse("{\"a\":") }
        #expect(cut?.what == "the JSON ends at byte 5, where a value is missing")
        let comma = refusal { () throws(CakeError) in try parse("[1, ]") }
        #expect(comma?.what == "JSON byte 4: a comma stands before a closing bracket (found \"]\")")
    }
}

@Suite struct `JSON being written` {
    private func text(_ value: JSONValue, _ layout: JSONValue.Layout) -> String {
        String(decoding: value.bytes(layout), as: UTF8.self)
    }

    @Test func `is compact or indented, keys in the order given`() {
        let value: JSONValue = ["b": [1, -2, 1.5, nil, true], "a": ["x": "y"], "c": [], "d": [:]]
        #expect(text(value, .compact) == #"{"b":[1,-2,1.5,null,true],"a":{"x":"y"},"c":[],"d":{}}"#)
        #expect(
            text(value, .indented) == """
                {
                  "b": [
                    1,
                    -2,
                    1.5,
                    null,
                    true
                  ],
                  "a": {
                    "x": "y"
                  },
                  "c": [],
                  "d": {}
                }
                """)
    }

    @Test func `escapes what JSON demands and what a terminal would obey`() {
        #expect(
            text("\"\\/\n\r\t\u{8}\u{c}\u{0}\u{1f}\u{7f}\u{9b}\u{202e}é😀", .compact)
                == #""\"\\/\n\r\t\b\f\u0000\u001f\u007f\u009b\u202eé😀""#)
    }

    @Test func `has no infinity`() {
        #expect(text([JSONValue(.infinity), JSONValue(.nan)], .compact) == "[null,null]")
    }

    @Test(arguments: 0..<200 as Range<UInt64>)
    func `comes back as it was, and cut short it does not`(_ seed: UInt64) throws {
        var numbers = SeededNumbers(seed: seed)
        let value = tree(&numbers, depth: 4)
        for layout in [JSONValue.Layout.compact, .indented] {
            let bytes = value.bytes(layout)
            let back = try JSONValue(parsing: bytes.span, repeatedKeys: .kept)
            #expect(back == value)
            #expect(back.bytes(layout) == bytes)
        }
        let whole: JSONValue = [value]
        let bytes = whole.bytes(.compact)
        for end in 0..<min(bytes.count, 300) {
            #expect(throws: CakeError.self) { try JSONValue(parsing: bytes.span.extracting(0..<end)) }
        }
    }

    @Test func `injured is refused or read, and skipping agrees with reading`() {
        for seed in 0..<1000 as Range<UInt64> {
            var numbers = SeededNumbers(seed: seed)
            let bytes = numbers.injure(tree(&numbers, depth: 4).bytes(.compact))
            let read = refusal { () throws(CakeError) in try JSONValue(parsing: bytes.span, repeatedKeys: .kept) }
            let skipped = refusal { () throws(CakeError) in
                var scanner = JSONScanner()
                try scanner.skipValue(in: bytes.span)
                try scanner.finish(in: bytes.span)
            }
            #expect(read == skipped, "seed \(seed)")
        }
    }

    private func tree(_ numbers: inout SeededNumbers, depth: Int) -> JSONValue {
        switch Int.random(in: 0..<(depth > 0 ? 8 : 6), using: &numbers) {
        case 0: return nil
        case 1: return .bool(Bool.random(using: &numbers))
        case 2:
            return JSONValue(
                UInt64.random(in: 0 ... .max, using: &numbers) >> UInt64.random(in: 0..<64, using: &numbers))
        case 3: return .number(.negative(Int64.random(in: .min..<0, using: &numbers)))
        case 4: return JSONValue(Double.random(in: -1e30...1e30, using: &numbers))
        case 5: return .string(numbers.text())
        case 6:
            return .array((0..<Int.random(in: 0...5, using: &numbers)).map { _ in tree(&numbers, depth: depth - 1) })
        default:
            return .object(
                JSONObject(
                    (0..<Int.random(in: 0...5, using: &numbers)).map { _ in
                        JSONObject.Member(key: numbers.text(), value: tree(&numbers, depth: depth - 1))
                    }))
        }
    }
}
