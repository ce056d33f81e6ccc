import Model
import Platform
import Support
import Testing

@Suite struct `Two hashes at once` {
    @Test func `are what each of them is by itself, wherever they begin`() {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        let bytes = seededBytes(5000, seed: seed)
        for round in 0..<2000 {
            var one = SHA256()
            var other = SHA256()
            // What went before leaves each somewhere in a block of its own.
            let before = (Int(numbers.next() % 200), Int(numbers.next() % 200))
            one.update(bytes.span.extracting(0..<before.0))
            other.update(bytes.span.extracting(0..<before.1))
            var at = 200
            var ends = [at]
            while at < 4500 {
                let next = at + Int(numbers.next() % (round % 2 == 0 ? 300 : 3000))
                let end = min(next, bytes.count)
                SHA256.update(&one, &other, bytes.span.extracting(at..<end))
                at = end
                ends.append(at)
            }
            let rest = bytes[200..<at]
            let (first, second) = (Array(bytes[..<before.0] + rest), Array(bytes[..<before.1] + rest))
            let (left, right) = (one.finish(), other.finish())
            #expect(
                left == SHA256.digest(of: first.span) && right == SHA256.digest(of: second.span),
                "seed \(seed), round \(round), \(before), \(ends)")
        }
    }

    @Test func `may go over different bytes, of different lengths`() {
        let seed = SeededNumbers.freshSeed()
        var numbers = SeededNumbers(seed: seed)
        let bytes = seededBytes(9000, seed: seed)
        for round in 0..<1000 {
            var one = SHA256()
            var other = SHA256()
            var (ones, others) = (0, 4000)
            let start = others
            for _ in 0..<4 {
                let (first, second) = (Int(numbers.next() % 900), Int(numbers.next() % 900))
                SHA256.update(
                    &one, bytes.span.extracting(ones..<ones + first),
                    &other, bytes.span.extracting(others..<others + second))
                ones += first
                others += second
            }
            let (left, right) = (one.finish(), other.finish())
            let (first, second) = (Array(bytes[..<ones]), Array(bytes[start..<others]))
            #expect(
                left == SHA256.digest(of: first.span) && right == SHA256.digest(of: second.span),
                "seed \(seed), round \(round)")
        }
    }

    @Test func `are right beyond what half a gigabyte has of bits`() {
        // Libcrypto counts bits in two words.
        let piece = [UInt8](repeating: 7, count: 1 << 20)
        var one = SHA256()
        var other = SHA256()
        var alone = SHA256()
        one.update([1].span)
        alone.update([1].span)
        for _ in 0..<513 {
            SHA256.update(&one, &other, piece.span)
            alone.update(piece.span)
        }
        let (left, right, without) = (one.finish(), alone.finish(), other.finish())
        #expect(left == right && without != left)
    }

    @Test func `begin as the standard's examples say`() {
        let text = Array("abc".utf8)
        #expect(
            SHA256.digest(of: text.span).hex == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let nothing = SHA256().finish()
        #expect(nothing == .empty)
    }
}
