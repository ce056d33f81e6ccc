import Model
import Support
import Testing

@Suite struct `The text of a tombstone` {
    @Test(arguments: [Tombstone.State.waiting, .deleting]) func `is read as it was written`(
        _ state: Tombstone.State
    ) throws {
        var random = SeededNumbers(seed: 1)
        let (one, other) = (Tombstone(state, using: &random), Tombstone(state, using: &random))
        #expect(try Tombstone(parsing: one.text, at: "key") == one && one.text != other.text)
        #expect(one.text == Array("cake registry tombstone 1\n\(state.rawValue) \(one.number)\n".utf8))
        #expect(one.text.count <= Tombstone.longest)
    }

    @Test func `is refused in any other form, with the key`() {
        var random = SeededNumbers(seed: 2)
        let text = Tombstone(.waiting, using: &random).text
        func refuses(_ bytes: [UInt8]) {
            let error = #expect(throws: CakeError.self, "\(bytes)") {
                try Tombstone(parsing: bytes, at: "tombstones/x")
            }
            #expect(error?.what.contains("tombstones/x") == true)
        }
        for count in 0..<text.count { refuses(Array(text.prefix(count))) }
        for more in ["\n", " ", "x"] { refuses(text + Array(more.utf8)) }
        for index in text.indices {
            var changed = text
            changed[index] = UInt8(ascii: "*")
            refuses(changed)
        }
    }

    @Test func `yields while it waits, and when its claim is ten minutes old`() {
        var random = SeededNumbers(seed: 3)
        let (waiting, deleting) = (Tombstone(.waiting, using: &random), Tombstone(.deleting, using: &random))
        #expect([0, 600, 601].map(waiting.yields(atAge:)) == [true, true, true])
        #expect([-5, 0, 600, 601].map(deleting.yields(atAge:)) == [false, false, false, true])
    }
}
