import Model
import Testing

@Suite struct `A Xet hash` {
    @Test func `is written as four numbers whose bytes stand the other way round`() throws {
        let bytes = (0..<32).map { UInt8($0) }
        guard let hash = XetHash(bytes: bytes.span) else { throw CakeError(.failed, "32 bytes are no hash") }
        #expect(hash.text == "07060504030201000f0e0d0c0b0a090817161514131211101f1e1d1c1b1a1918")
        #expect(hash.bytes == bytes)
        #expect(XetHash(text: hash.text) == hash)
        #expect(XetHash(text: hash.text.utf8Span.span) == hash)
        #expect(XetHash.empty.bytes == [UInt8](repeating: 0, count: 32))
    }

    @Test func `has one spelling`() {
        let good = String(repeating: "a", count: 64)
        #expect(XetHash(text: good) != nil)
        for bad in [
            "", good + "a", String(good.dropLast()), String(good.dropLast()) + "A", String(good.dropLast()) + "*",
        ] {
            #expect(XetHash(text: bad) == nil, "\(bad)")
        }
        #expect(XetHash(bytes: [UInt8](repeating: 1, count: 31).span) == nil)
    }

    @Test func `ends a group when its last number divides by four`() {
        #expect(XetHash(words: (1, 1, 1, 8)).endsGroup && !XetHash(words: (4, 4, 4, 6)).endsGroup)
    }
}
