import Model
import Support
import Testing

@Suite struct `A digest` {
    static let hex = "0123456789abcdef00000000000000007fffffffffffffffffedcba987654321"

    @Test func `is the same as hex and as bytes`() throws {
        let digest = try #require(Digest(hex: Self.hex))
        #expect(digest.hex == Self.hex)
        #expect(digest.description == Self.hex)
        #expect(digest.short == "0123456789ab")
        let bytes = digest.bytes
        #expect(bytes.count == 32 && bytes[0] == 0x01 && bytes[31] == 0x21)
        #expect(Digest(bytes: bytes.span) == digest)
    }

    private static let rest = String(hex.dropFirst())
    private static let misspelled: [String] = [
        "", "0", rest, "\(hex)0", hex.uppercased(), " \(rest)", "g\(rest)", "-\(rest)", "/\(rest)", ":\(rest)",
        "`\(rest)",
        "é\(rest.dropFirst())",
    ]

    @Test(arguments: misspelled)
    func `has one spelling`(_ text: String) { #expect(Digest(hex: text) == nil) }

    @Test func `has digits of hex alone, at each place`() {
        for place in [0, 7, 8, 15, 16, 40, 63] {
            for byte in UInt8.min ... .max {
                var digits = Array(Self.hex.utf8)
                digits[place] = byte
                let isDigit = (0x30...0x39).contains(byte) || (0x61...0x66).contains(byte)
                #expect(Digest(hex: digits.span)?.hex == (isDigit ? String(decoding: digits, as: UTF8.self) : nil))
            }
        }
    }

    @Test func `has 32 bytes`() {
        for count in [0, 31, 33] {
            let bytes = [UInt8](repeating: 1, count: count)
            #expect(Digest(bytes: bytes.span) == nil)
        }
    }

    @Test func `is ordered and told apart as its text is`() {
        var numbers = SeededNumbers(seed: 1)
        var digests = (0..<50).map { _ in numbers.digest() }
        for word in 0..<4 {
            var words: [UInt64] = [5, 5, 5, 5]
            words[word] += 1
            digests.append(Digest(words: (words[0], words[1], words[2], words[3])))
        }
        #expect(digests.sorted().map(\.hex) == digests.map(\.hex).sorted())
        #expect(Set(digests).count == digests.count)
    }

    @Test func `of nothing is known`() {
        #expect(Digest.empty.hex == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    }
}

@Suite struct `Exact text` {
    @Test func `is its bytes`() {
        let composed = ExactText("caf\u{e9}"), decomposed = ExactText("cafe\u{301}")
        #expect(composed.string == decomposed.string)
        #expect(composed != decomposed)
        #expect(Set([composed, decomposed]).count == 2)
        #expect(ExactText("a") != ExactText("a\u{0}"))
        #expect(ExactText("x\u{301}\u{323}") != ExactText("x\u{323}\u{301}"))
    }

    @Test func `made in another way is the same and hashes the same`() {
        var numbers = SeededNumbers(seed: 7)
        for _ in 0..<500 {
            let text = numbers.text(upTo: 40)
            var pieces = ""
            for scalar in text.unicodeScalars { pieces.unicodeScalars.append(scalar) }
            var shortened = text + "é"
            shortened.unicodeScalars.removeLast()
            for other in [pieces, shortened] {
                #expect(ExactText(text) == ExactText(other))
                #expect(Set([ExactText(text), ExactText(other)]).count == 1)
            }
        }
    }

    @Test func `is ordered by bytes`() {
        let texts: [ExactText] = ["", "A", "Z", "a", "a.10", "a.9", "e\u{301}", "\u{e9}", "\u{ffff}", "\u{10000}"]
        #expect(texts.shuffled().sorted() == texts)
    }

    @Test func `is printed without what a terminal would obey`() {
        #expect(
            ExactText("a\u{1b}[31m\u{9b}\u{202e}b\r\nc\u{7f}é").printable
                == "a\\u{1b}[31m\\u{9b}\\u{202e}b\\u{d}\\u{a}c\\u{7f}é")
        #expect(ExactText("model.layers.0").printable == "model.layers.0")
    }
}

@Suite struct `A path inside a model` {
    @Test(arguments: [
        "a", "a/b/c", ".gitattributes", "..a", "a..", "a/...", "é", "a b", String(repeating: "x", count: 255),
    ])
    func `is relative`(_ text: String) throws {
        let path = try FilePath(text)
        #expect(path.string == text)
        #expect(path.parts.joined(separator: "/") == text)
    }

    @Test(arguments: [
        "", "/", "/a", "a/", "a//b", ".", "..", "../a", "a/..", "a/../b", "./a", "a/.", "a\\b", "..\\a", "a\u{0}",
        "a\nb",
        "\u{1b}", "a\u{7f}", String(repeating: "x", count: 256),
        Array(repeating: "abc", count: 257).joined(separator: "/"),
    ])
    func `leads nowhere else`(_ text: String) {
        #expect(refusal { () throws(CakeError) in try FilePath(text) }?.kind == .damaged)
    }

    @Test func `is split at bytes, not at what looks like one character`() throws {
        #expect(try FilePath("a/\u{301}b").parts.count == 2)
        #expect(throws: CakeError.self) { try FilePath("../\u{301}b") }
        #expect(try FilePath("x/y.json").lastPart == "y.json")
    }

    @Test(arguments: [
        ["a", "A"], ["dir/a", "dir/A"], ["\u{e9}", "e\u{301}"], ["a", "a/b"], ["a/b", "a/b/c/d"], ["A", "a/b"],
        ["a", "a"],
    ])
    func `meets no other on any disk`(_ texts: [String]) throws {
        let paths = try texts.map { try FilePath($0) }
        #expect(throws: CakeError.self) { try FilePath.refuseClashes(paths) }
        #expect(throws: CakeError.self) { try FilePath.refuseClashes(paths.reversed()) }
    }

    @Test func `may share a folder`() throws {
        try FilePath.refuseClashes(["a/b", "a/c", "ab", "a.b", "b/a"].map { try FilePath($0) })
    }
}
