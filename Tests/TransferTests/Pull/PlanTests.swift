import Model
import Platform
import Support
import Testing

@testable import Transfer

@Suite struct `A plan` {
    private static func file(_ counts: [UInt64]) throws -> Segmentation {
        var segments: [Manifest.Segment] = []
        for (number, count) in counts.enumerated() {
            segments.append(Manifest.Segment(layer: layer(number, count), tensor: nil))
        }
        return Segmentation(
            try Manifest.File(path: FilePath("f"), digest: .empty, size: counts.reduce(0, +), segments: segments))
    }

    private static func layer(_ number: Int, _ size: UInt64) -> Layer {
        Layer(digest: SHA256.digest(of: [UInt8(number)].span), size: size)
    }

    private static func evidence(_ counts: [UInt64], assuming cuts: [Int]) -> Evidence {
        var evidence = Evidence(cuts: counts.count)
        for cut in cuts { evidence[cut] = .assumed(layer(cut, counts[cut]), .samples) }
        return evidence
    }

    @Test(arguments: 0..<60) func `covers each cut of each file once, in order, from one place`(seed: UInt64) throws {
        var random = SeededNumbers(seed: seed)
        let counts = (0..<Int.random(in: 0...20, using: &random)).map { _ in
            UInt64.random(in: 0...3 << 20, using: &random) >> UInt64.random(in: 0...22, using: &random)
        }
        let file = try Self.file(counts)
        let cuts = counts.indices.filter { _ in Bool.random(using: &random) }
        let here = Set(cuts.filter { _ in Int.random(in: 0..<4, using: &random) > 0 })
        let plan = Plan([file], [Self.evidence(counts, assuming: cuts)]) { digest in
            here.contains { Self.layer($0, counts[$0]).digest == digest }
        }
        var next = 0
        for unit in plan.units[0] {
            #expect(unit.run.cuts.lowerBound == next && !unit.run.cuts.isEmpty)
            next = unit.run.cuts.upperBound
            let bytes = unit.run.cuts.reduce(UInt64(0)) { $0 + counts[$1] }
            #expect(unit.run.count == bytes && unit.run.start == file.cuts[unit.run.cuts.lowerBound].start)
            if let layer = unit.layer {
                #expect(unit.run.cuts.count == 1 && here.contains(unit.run.cuts.lowerBound))
                #expect(layer == Self.layer(unit.run.cuts.lowerBound, counts[unit.run.cuts.lowerBound]))
            }
        }
        #expect(next == counts.count)
        // What is here and large never moves.
        let given = plan.units[0].filter { $0.layer != nil }.map(\.run.cuts.lowerBound)
        #expect(here.filter { counts[$0] >= Plan.worthCutting }.isSubset(of: given))
    }

    @Test func `moves what is here too when it is short and lies between what is not`() throws {
        let counts: [UInt64] = [1 << 20, 8 << 10, 1 << 20, 100, 8 << 10]
        let plan = Plan([try Self.file(counts)], [Self.evidence(counts, assuming: [1, 3, 4])]) { _ in true }
        #expect(plan.units[0].map { $0.layer == nil } == [true, true, true, false, false])
    }

    @Test func `takes no layer of another size`() throws {
        var evidence = Evidence(cuts: 1)
        evidence[0] = .known(Self.layer(0, 99), .knownFile)
        let plan = Plan([try Self.file([100])], [evidence]) { _ in true }
        #expect(plan.units[0].map(\.layer) == [nil])
    }

    @Test func `takes the word of the cheapest proof, and of others where that has none`() throws {
        let counts: [UInt64] = [1 << 20, 2 << 20, 1 << 20]
        var evidence = Evidence(cuts: 3)
        evidence[0] = .known(Self.layer(0, counts[0]), .knownFile)
        evidence.add(Self.evidence(counts, assuming: [0, 2]))
        let units = Plan([try Self.file(counts)], [evidence]) { _ in true }.units[0]
        #expect(units.map(\.claim.proof) == [.knownFile, nil, .samples])
        #expect(units.map(\.claim.isAssumed) == [false, false, true])
    }
}
