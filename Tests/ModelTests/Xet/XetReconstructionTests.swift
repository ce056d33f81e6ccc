import Model
import Support
import Testing

@Suite struct `A reconstruction` {
    static let first = String(repeating: "a", count: 64)
    static let second = String(repeating: "0b", count: 32)

    private func read(
        _ text: String, of range: Range<UInt64>? = nil, fileSize: UInt64 = 300_000
    ) throws(CakeError) -> XetReconstruction {
        try XetReconstruction(parsing: text.utf8Span.span, of: range, fileSize: fileSize)
    }

    private func complaint(
        _ text: String, of range: Range<UInt64>? = nil, fileSize: UInt64 = 300_000
    ) -> CakeError? {
        refusal { () throws(CakeError) in try read(text, of: range, fileSize: fileSize) }
    }

    private func terms(_ terms: String..., skipped: String? = "0") -> String {
        let offset = skipped.map { #""offset_into_first_range":\#($0),"# } ?? ""
        return #"{\#(offset)"terms":[\#(terms.joined(separator: ","))],"xorbs":{}}"#
    }

    private func term(_ xorb: String = first, _ start: Any = 0, _ end: Any = 3, _ size: Any = 300_000) -> String {
        #"{"hash":"\#(xorb)","unpacked_length":\#(size),"range":{"start":\#(start),"end":\#(end)}}"#
    }

    @Test func `is read from the answers of both versions, addresses left aside`() throws {
        let list = #"""
            "offset_into_first_range":100,
            "terms":[{"hash":"\#(Self.first)","unpacked_length":70000,"range":{"start":3,"end":5},"new":[{}]},
                     {"range":{"end":1,"start":0},"hash":"\#(Self.second)","unpacked_length":50000}]
            """#
        let newer = #"{\#(list),"xorbs":{"\#(Self.first)":[{"url":"https://x/","ranges":[]}]}}"#
        let older = #"{"fetch_info":{"\#(Self.first)":[{"range":{"start":3,"end":5},"url":"x"}]},\#(list)}"#
        for text in [newer, older] {
            let found = try read(text, of: 1000..<120_000)
            #expect(found.terms.map(\.xorb.text) == [Self.first, Self.second])
            #expect(found.terms.map(\.chunks) == [3..<5, 0..<1] && found.terms.map(\.size) == [70_000, 50_000])
            #expect(found.bytes == 900..<120_900)
        }
        #expect(try read(#"{"terms":[]}"#, fileSize: 0).terms.isEmpty)
    }

    @Test func `is refused when it claims what cannot be`() {
        let wrong: [(String, String)] = [
            ("no terms", "{}"), ("no object", "[]"), ("cut short", String(terms(term()).dropLast(3))),
            ("terms twice", #"{"terms":[],"terms":[\#(term())]}"#),
            ("no hash", #"{"terms":[{"unpacked_length":300000,"range":{"start":0,"end":3}}]}"#),
            ("another hash", terms(term("A" + Self.first.dropFirst()))),
            ("no chunks", terms(term(Self.first, 3, 3))), ("chunks backwards", terms(term(Self.first, 3, 0))),
            ("a chunk below zero", terms(term(Self.first, -1, 3))), ("half a chunk", terms(term(Self.first, 0.5, 3))),
            ("more chunks than a xorb has", terms(term(Self.first, 8190, 8193))),
            ("chunks beyond all numbers", terms(term(Self.first, 0, "18446744073709551615"))),
            ("more bytes than its chunks can have", terms(term(Self.first, 0, 2))),
            ("bytes beyond all numbers", terms(term(Self.first, 0, 3, "18446744073709551615"))),
            ("fewer bytes than chunks", terms(term(Self.first, 0, 5000, 4999), term(Self.second, 0, 3, 295_001))),
            ("too few bytes in all", terms(term(Self.first, 0, 3, 299_999))),
            ("too many bytes in all", terms(term(Self.first, 0, 3, 300_001))),
            ("terms after the end", terms(term(), term(Self.second, 0, 1, 1))),
            ("a sum beyond all numbers", terms(term(), term(Self.second, 0, 8000, "18446744073709500000"))),
            ("bytes before the file", terms(term(), skipped: "1")),
            ("an offset that is none", terms(term(), skipped: "-1")),
            ("one range with two lengths", terms(term(Self.first, 0, 2, 100_000), term(Self.first, 0, 2, 200_000))),
            (
                "a part longer than the whole",
                terms(term(Self.first, 0, 9, 100_000), term(Self.first, 0, 4, 200_000))
            ),
            (
                "ranges that overlap by less than nothing",
                terms(
                    term(Self.first, 0, 4, 90_000), term(Self.first, 2, 6, 100_000), term(Self.first, 0, 6, 30_000),
                    term(Self.second, 0, 1, 80_000))
            ),
        ]
        for (what, text) in wrong { #expect(complaint(text)?.kind == .damaged, "\(what)") }
        #expect(complaint(terms(term())) == nil)
    }

    @Test func `of a range has to begin and end within a chunk of it`() {
        let text = { (skipped: String, size: Int) in self.terms(self.term(Self.first, 0, 4, size), skipped: skipped) }
        let ask = { (text: String) in self.complaint(text, of: 150_000..<200_000, fileSize: 1 << 30) }
        #expect(ask(text("0", 50_000)) == nil)
        #expect(ask(text("131071", 131_071 + 50_000 + 131_071)) == nil)
        #expect(ask(text("131072", 131_072 + 50_000)) != nil)
        #expect(ask(text("10", 50_009)) != nil)
        #expect(ask(text("0", 50_000 + 131_072)) != nil)
        #expect(ask(self.terms(self.term(Self.first, 0, 1, 10), self.term(), skipped: "20")) != nil)
    }

    @Test func `is refused or right, however the answer is injured`() {
        var numbers = SeededNumbers(seed: 3)
        let whole = Array(
            terms(term(Self.first, 0, 2, 100_000), term(Self.second, 5, 9, 120_000), term(Self.first, 2, 4, 80_000))
                .utf8)
        for _ in 0..<3000 {
            let bytes = numbers.injure(whole)
            guard let found = try? XetReconstruction(parsing: bytes.span, of: nil, fileSize: 300_000) else { continue }
            #expect(found.bytes == 0..<300_000 && found.terms.reduce(0) { $0 + $1.size } == 300_000)
        }
    }
}
