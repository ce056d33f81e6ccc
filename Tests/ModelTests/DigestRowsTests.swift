import Model
import Support
import Testing

@Suite struct `Digests in rows` {
    private var numbers = SeededNumbers(seed: 61)

    @Test mutating func `are numbered as they come, each once`() {
        var rows = DigestRows()
        let digests = (0..<3000).map { _ in numbers.digest() }
        for (row, digest) in digests.enumerated() {
            #expect(rows.row(of: digest) == nil)
            let (new, isNew) = rows.add(digest)
            #expect(new == row && isNew)
        }
        for (row, digest) in digests.enumerated().reversed() {
            let (same, isNew) = rows.add(digest)
            #expect(same == row && !isNew && rows.row(of: digest) == row)
        }
        let strange = (0..<500).map { _ in numbers.digest() }
        let asked = (digests + strange).shuffled(using: &numbers)
        #expect(rows.rows(of: asked) == asked.map { rows.row(of: $0) })
        #expect(DigestRows().rows(of: asked).allSatisfy { $0 == nil })
        #expect(rows.digests == digests && rows.count == 3000)
        #expect(rows.row(of: numbers.digest()) == nil)
    }

    @Test(arguments: 0..<4) mutating func `are told apart by each of their words`(word: Int) {
        var rows = DigestRows(minimumCapacity: 2)
        let same = numbers.digest().words
        for number in UInt64(0)..<500 {
            var words = [same.0, same.1, same.2, same.3]
            words[word] = number
            let row = rows.add(Digest(words: (words[0], words[1], words[2], words[3])))
            #expect(row.row == Int(number) && row.isNew)
        }
    }

    @Test mutating func `are a set as Swift's is`() {
        var (set, other) = (DigestSet(), Set<Digest>())
        let digests = (0..<400).map { _ in numbers.digest() }
        for _ in 0..<1000 {
            let digest = digests[Int.random(in: 0..<400, using: &numbers)]
            #expect(set.contains(digest) == other.contains(digest))
            #expect(set.insert(digest) == other.insert(digest).inserted)
        }
        #expect(set.count == other.count && Set(set) == other && !set.isEmpty)
        let half = DigestSet(digests.prefix(200))
        #expect(Set(set.union(half)) == other.union(digests.prefix(200)))
        #expect(Set(set.subtracting(half)) == other.subtracting(digests.prefix(200)))
        #expect(half == DigestSet(digests.prefix(200).reversed()) && half != DigestSet(digests.prefix(199)))
        #expect(DigestSet(digests.prefix(199)) != DigestSet(digests.dropFirst().prefix(199)))
        #expect(DigestSet().isEmpty && !DigestSet().contains(digests[0]) && DigestSet().union(half).count == 200)
    }
}
