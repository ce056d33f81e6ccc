import Model
import Support
import Testing

/// Xorbs with chunks of known lengths, and files made of them: what a server knows and does not tell.
private struct Truth {
    let xorbs: [(hash: XetHash, starts: [UInt64])]

    init(xorbs count: Int, chunks: Int, _ numbers: inout SeededNumbers) {
        xorbs = (0..<count).map { _ in
            var starts: [UInt64] = [0]
            for _ in 0..<chunks { starts.append(starts[starts.count - 1] + UInt64.random(in: 1...40, using: &numbers)) }
            return (XetHash(words: (numbers.next(), numbers.next(), numbers.next(), numbers.next())), starts)
        }
    }

    func term(_ xorb: Int, _ chunks: Range<Int>) throws -> XetReconstruction.Term {
        let (hash, starts) = xorbs[xorb]
        return try XetReconstruction.Term(
            xorb: hash, chunks: UInt32(chunks.lowerBound)..<UInt32(chunks.upperBound),
            size: starts[chunks.upperBound] - starts[chunks.lowerBound])
    }

    func file(_ terms: [(xorb: Int, chunks: Range<Int>)]) throws -> XetReconstruction {
        let terms = try terms.map { try term($0.xorb, $0.chunks) }
        return try XetReconstruction(
            terms: terms, skipped: 0, of: nil, fileSize: terms.reduce(0) { $0 + $1.size })
    }

    /// What is at a byte of a file: a xorb and a place in it.
    func bytes(of file: XetReconstruction) -> [UInt64] {
        file.terms.flatMap { term -> [UInt64] in
            let xorb = xorbs.firstIndex { $0.hash == term.xorb } ?? 0
            let start = xorbs[xorb].starts[Int(term.chunks.lowerBound)]
            return (start..<start + term.size).map { UInt64(xorb) << 32 | $0 }
        }
    }

    func random(_ count: Int, _ numbers: inout SeededNumbers) throws -> XetReconstruction {
        try file(
            (0..<count).map { _ in
                let xorb = Int.random(in: 0..<xorbs.count, using: &numbers)
                let last = xorbs[xorb].starts.count - 1
                let start = Int.random(in: 0..<last, using: &numbers)
                return (xorb, start..<Int.random(in: start + 1...last, using: &numbers))
            })
    }
}

@Suite struct `Xet's coordinates` {
    private func cut(_ file: XetReconstruction, _ range: Range<UInt64>) throws -> XetCoordinates {
        try #require(file.coordinates(of: range))
    }

    @Test func `are the terms under a run of bytes`() throws {
        var numbers = SeededNumbers(seed: 1)
        let truth = Truth(xorbs: 2, chunks: 9, &numbers)
        let file = try truth.file([(0, 2..<4), (1, 0..<3), (0, 4..<9)])
        let sizes = file.terms.map(\.size)
        let range = sizes[0] - 1..<sizes[0] + sizes[1] + 1
        let found = try cut(file, range)
        #expect(found.runs.map(\.term) == file.terms)
        #expect(found.runs.map(\.bytes) == [sizes[0] - 1..<sizes[0], 0..<sizes[1], 0..<1])
        #expect(found.size == sizes[1] + 2)
        #expect(file.coordinates(of: 0..<file.bytes.upperBound + 1) == nil)
        #expect(try cut(file, sizes[0]..<sizes[0]).size == 0)
        #expect(try cut(file, sizes[0]..<sizes[0] + 1).runs.map(\.term) == [file.terms[1]])
    }

    @Test func `that are equal are equal bytes, wherever the run lies in its file`() throws {
        var numbers = SeededNumbers(seed: 2)
        let truth = Truth(xorbs: 2, chunks: 60, &numbers)
        let base = try truth.file([(0, 0..<60)])
        // Behind a chunk of its own, and cut into terms that the base's single one does not show.
        let tune = try truth.file([(1, 0..<1), (0, 1..<20), (0, 20..<60)])
        let shift = tune.terms[0].size
        let header = base.bytes.upperBound - tune.terms[1].size - tune.terms[2].size
        let run = header + 7..<base.bytes.upperBound - 9
        let moved = run.lowerBound - header + shift..<run.upperBound - header + shift
        #expect(try cut(base, run).similarity(to: cut(tune, moved)) == .equal)
        #expect(try cut(tune, moved).similarity(to: cut(base, run)) == .equal)
        let late = moved.lowerBound + 1..<moved.upperBound + 1
        #expect(try cut(base, run).similarity(to: cut(tune, late)) == .unknown)
    }

    @Test func `name the edges that another neighbour changed`() throws {
        var numbers = SeededNumbers(seed: 3)
        let truth = Truth(xorbs: 3, chunks: 30, &numbers)
        let base = try truth.file([(0, 0..<30)])
        let starts = truth.xorbs[0].starts
        // Chunk 3 and chunk 20 of the base came out otherwise, since what is before and behind the tensor changed.
        let edges = (before: try truth.term(1, 4..<5).size, after: try truth.term(2, 6..<7).size)
        let tune = try truth.file([(1, 4..<5), (0, 4..<20), (2, 6..<7)])
        let length = min(starts[20] + 1, base.bytes.upperBound) - (starts[4] - 1)
        let mine = try cut(base, starts[4] - 1..<starts[4] - 1 + length)
        let theirs = try cut(tune, edges.before - 1..<edges.before - 1 + length)
        // The base tells only where its chunks 0 and 30 are: the distance to chunk 4 is not known.
        #expect(mine.similarity(to: theirs) == .unknown)
        // A question for one byte tells where a chunk begins, and what was not known can be measured.
        let byte = try XetReconstruction(
            terms: [truth.term(0, 4..<5)], skipped: 0, of: starts[4]..<starts[4] + 1, fileSize: base.bytes.upperBound)
        var positions = XetPositions()
        try positions.add(byte, of: base)
        #expect(mine.similarity(to: theirs, knowing: positions) == .edgesDiffer(common: 1..<length - 1))
        #expect(edges.after > 0)
        // From the end it can be measured without: the last chunk of both is one.
        let other = try truth.file([(1, 4..<5), (0, 4..<30)])
        let rest = try cut(base, starts[4] - 1..<base.bytes.upperBound)
        #expect(
            try rest.similarity(to: cut(other, edges.before - 1..<other.bytes.upperBound))
                == .edgesDiffer(common: 1..<rest.size))
    }

    @Test func `of a run that grew are common as far as it goes`() throws {
        var numbers = SeededNumbers(seed: 4)
        let truth = Truth(xorbs: 2, chunks: 30, &numbers)
        let base = try truth.file([(0, 0..<20)])
        let grown = try truth.file([(0, 0..<20), (1, 0..<5)])
        let (mine, theirs) = (try cut(base, base.bytes), try cut(grown, grown.bytes))
        #expect(mine.similarity(to: theirs) == .unknown)
        #expect(mine.common(with: theirs) == [base.bytes] && theirs.common(with: mine) == [base.bytes])
    }

    @Test func `prove nothing when they differ or contradict each other`() throws {
        var numbers = SeededNumbers(seed: 5)
        let truth = Truth(xorbs: 2, chunks: 30, &numbers)
        let mine = try truth.file([(0, 0..<10)])
        let all = try cut(mine, mine.bytes)
        let term = mine.terms[0]
        let copy = try XetReconstruction.Term(xorb: truth.xorbs[1].hash, chunks: term.chunks, size: term.size)
        #expect(all.similarity(to: try XetCoordinates([.init(copy, bytes: 0..<term.size)])) == .unknown)
        let longer = try XetReconstruction.Term(xorb: term.xorb, chunks: term.chunks, size: term.size + 1)
        #expect(all.similarity(to: try XetCoordinates([.init(longer, bytes: 0..<term.size)])) == .unknown)
        #expect(all.similarity(to: all) == .equal)
    }

    /// Whatever two files are made of: no byte is called equal that is not the same byte of the same xorb, and what lies
    /// in terms that begin or end with the same chunk is found.
    @Test(arguments: 0..<60) func `never call bytes equal that are not`(seed: Int) throws {
        var numbers = SeededNumbers(seed: UInt64(seed) + 100)
        let truth = Truth(xorbs: 3, chunks: 12, &numbers)
        let (left, right) = (try truth.random(8, &numbers), try truth.random(8, &numbers))
        let (leftBytes, rightBytes) = (truth.bytes(of: left), truth.bytes(of: right))
        for _ in 0..<60 {
            let length = UInt64.random(in: 1...min(left.bytes.upperBound, right.bytes.upperBound), using: &numbers)
            let from = UInt64.random(in: 0...left.bytes.upperBound - length, using: &numbers)
            let other = UInt64.random(in: 0...right.bytes.upperBound - length, using: &numbers)
            let (mine, theirs) = (try cut(left, from..<from + length), try cut(right, other..<other + length))
            let common = mine.common(with: theirs)
            for range in common {
                for byte in range {
                    try #require(leftBytes[Int(from + byte)] == rightBytes[Int(other + byte)], "byte \(byte)")
                }
            }
            #expect(theirs.common(with: mine) == common)
            for run in mine.runs {
                for match in theirs.runs where match.term == run.term {
                    let offset = run.bytes.lowerBound
                    guard match.bytes.contains(offset), mine.runs.first == run, theirs.runs.first == match,
                        match.bytes.lowerBound == offset
                    else { continue }
                    #expect(common.first?.lowerBound == 0)
                }
            }
        }
    }

    @Test func `are kept as a text that gives them back`() throws {
        var numbers = SeededNumbers(seed: 6)
        let truth = Truth(xorbs: 3, chunks: 12, &numbers)
        let file = try truth.random(8, &numbers)
        var record = XetRecord()
        for end in [1, 5, file.bytes.upperBound] {
            let coordinates = try cut(file, 0..<end)
            let entry = XetRecord.Entry(Layer(digest: numbers.digest(), size: end), coordinates)
            record.add(try #require(entry))
        }
        let text = record.text
        #expect(try XetRecord(parsing: text.span) == record)
        #expect(try XetRecord(parsing: "cake xet 1\n".utf8Span.span).entries.isEmpty)
        #expect(XetRecord.Entry(Layer(digest: .empty, size: 2), try cut(file, 0..<1)) == nil)
        for _ in 0..<2000 {
            let bytes = numbers.injure(text)
            guard let found = try? XetRecord(parsing: bytes.span) else { continue }
            #expect(found.entries.allSatisfy { $0.coordinates.size == $0.layer.size })
        }
    }
}
