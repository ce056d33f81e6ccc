import Support
import Testing

@testable import Model

/// Layers of a model and the places that earlier pushes give them, in packs of random size.
private struct Scene {
    var wanted: [Layer] = []
    var found: [Digest: [PackPlan.Taken]] = [:]
    var others: [PackPlan.Taken] = []
    var apart: Set<Digest> = []

    init(layers: Int, upTo size: UInt64 = 1 << 27, packs: Int, _ random: inout SeededNumbers) {
        let packs = (0..<packs).map { _ in
            PackIndex.Pack(digest: random.digest(), size: UInt64.random(in: 1 << 39...1 << 40, using: &random))
        }
        func taken(_ layer: Layer, base: Digest? = nil) -> PackPlan.Taken {
            PackPlan.Taken(
                pack: packs[Int.random(in: packs.indices, using: &random)],
                member: PackIndex.Member(
                    layer: layer, stored: .empty, length: UInt64.random(in: 1...1 << 30, using: &random), offset: 0,
                    pack: 0, transform: 0, base: base))
        }
        wanted = (0..<layers).map { _ in
            Layer(digest: random.digest(), size: UInt64.random(in: 1...size, using: &random))
        }
        let bases = (0..<5).map { _ in Layer(digest: random.digest(), size: 7) }
        for layer in wanted {
            switch Int.random(in: 0..<10, using: &random) {
            case 0: continue
            case 1...5: found[layer.digest] = [taken(layer)]
            default:
                let isOwn = Bool.random(using: &random)
                let base = (isOwn ? wanted : bases).randomElement(using: &random) ?? layer
                guard base != layer else { continue }
                found[layer.digest] = [taken(layer, base: base.digest), taken(base)]
            }
            if Int.random(in: 0..<4, using: &random) == 0 { apart.insert(layer.digest) }
        }
        others = bases.prefix(2).map { taken($0) }
    }

    func thinning() -> PackThinning { PackThinning(wanted, found, others, apart: apart, packBits: 26) }

    /// As the page of the wire says it, word for word: a plan anew for each pack that is left out.
    func givenUpOneByOne(most: Int) -> Set<Digest> {
        var refused: Set<Digest> = []
        while true {
            var placed: [Digest: PackPlan.Taken] = [:]
            let there = wanted.compactMap { found[$0.digest] }.filter { all in
                all.allSatisfy { !refused.contains($0.pack.digest) }
            }
            for all in there.filter({ $0.count == 1 }) + there.filter({ $0.count == 2 }) {
                for one in all where placed[one.member.layer.digest] == nil { placed[one.member.layer.digest] = one }
            }
            for one in others where !refused.contains(one.pack.digest) {
                if placed[one.member.layer.digest] == nil { placed[one.member.layer.digest] = one }
            }
            var used: [PackIndex.Pack: UInt64] = [:]
            for one in placed.values { used[one.pack, default: 0] += one.member.length }
            let missing = wanted.filter { placed[$0.digest] == nil }
            let new = [true, false].reduce(0) { sum, isApart in
                sum + PackPlan.packs(of: missing.filter { apart.contains($0.digest) == isApart }, 26).count
            }
            func unused(_ pack: PackIndex.Pack) -> UInt64 { pack.size - min(pack.size, used[pack] ?? 0) }
            guard used.count + new > most,
                let worst = used.keys.max(by: { (unused($0), $0.size) < (unused($1), $1.size) })
            else { return refused }
            refused.insert(worst.digest)
        }
    }
}

@Suite struct `Packs that are too many` {
    @Test(arguments: 1...200 as ClosedRange<UInt64>)
    func `are given up as if each time all were planned anew`(seed: UInt64) {
        var random = SeededNumbers(seed: seed)
        let scene = Scene(
            layers: Int.random(in: 5...60, using: &random), packs: Int.random(in: 2...20, using: &random), &random)
        for most in [0, 1, 3, 8, 15, 40] {
            var thinning = scene.thinning()
            #expect(thinning.givenUp(most: most) == scene.givenUpOneByOne(most: most), "at most \(most)")
        }
    }

    @Test func `are given up with work that grows with the layers, however many packs there are`() {
        var random = SeededNumbers(seed: 2)
        for packs in [450, 900, 1800, 3600] {
            let scene = Scene(layers: 20 * packs, upTo: 1 << 20, packs: packs, &random)
            var thinning = scene.thinning()
            #expect(thinning.givenUp(most: packs / 2).count > packs / 2)
            #expect(thinning.steps < 20 * scene.wanted.count, "\(thinning.steps) steps, \(packs) packs")
        }
    }
}
