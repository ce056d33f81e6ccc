/// Gives up packs that are there until few enough are listed: always the one with the most unused bytes, as docs/wire.md
/// says. Packs and layers are numbers here, and each placement is undone once at most: the work grows with the layers, and
/// not with the packs given up for each layer.
struct PackThinning {
    /// A member of a pack that can be the place of its layer.
    private struct Place {
        let layer: Int
        let pack: Int
        let length: UInt64
        /// The places that are of use only together: a delta and its base.
        let unit: Int
        /// The layer's place if this one is given up.
        var next: Int?
    }

    private let wanted: [Layer]
    private let apart: Set<Digest>
    private let packBits: UInt8
    private var layerNumbers: [Digest: Int] = [:]
    private var packNumbers: [Digest: Int] = [:]
    private var places: [Place] = []
    private var units: [(places: Range<Int>, isThere: Bool)] = []
    /// The present place of each layer.
    private var current: [Int?] = []
    private var packs: [(pack: PackIndex.Pack, places: [Int], used: UInt64, placed: Int)] = []
    private var reused = 0
    /// Places and layers that were looked at.
    private(set) var steps = 0

    /// `found` has the members for a layer of `wanted`: one, or a delta and its base. `others` are places of bases.
    init(
        _ wanted: [Layer], _ found: [Digest: [PackPlan.Taken]], _ others: [PackPlan.Taken], apart: Set<Digest>,
        packBits: UInt8
    ) {
        (self.wanted, self.apart, self.packBits) = (wanted, apart, packBits)
        for layer in wanted { _ = layerNumber(of: layer.digest) }
        // In the order in which a plan places them: of two places of a layer the first counts.
        let all = wanted.compactMap { found[$0.digest] }
        let sorted = all.filter { $0.count == 1 } + all.filter { $0.count > 1 } + others.map { [$0] }
        var last: [Int: Int] = [:]
        for unit in sorted {
            let start = places.count
            for taken in unit {
                let (place, layer) = (places.count, layerNumber(of: taken.member.layer.digest))
                let pack = packNumber(of: taken.pack)
                places.append(
                    Place(layer: layer, pack: pack, length: taken.member.length, unit: units.count, next: nil))
                packs[pack].places.append(place)
                if let before = last[layer] { places[before].next = place } else { put(layer, at: place) }
                last[layer] = place
            }
            units.append((start..<places.count, true))
        }
        steps += places.count
    }

    private mutating func layerNumber(of layer: Digest) -> Int {
        if let known = layerNumbers[layer] { return known }
        layerNumbers[layer] = current.count
        current.append(nil)
        return current.count - 1
    }

    private mutating func packNumber(of pack: PackIndex.Pack) -> Int {
        if let known = packNumbers[pack.digest] { return known }
        packNumbers[pack.digest] = packs.count
        packs.append((pack, [], 0, 0))
        return packs.count - 1
    }

    /// The packs to give up, so that at most so many are listed, new ones included, or none is left that was there.
    mutating func givenUp(most: Int) -> Set<Digest> {
        var givenUp: Set<Digest> = []
        // More layers to pack never make fewer packs: this is counted again only when it may suffice.
        var made = newPacks()
        while reused + made > most, let worst = leastUsed() {
            givenUp.insert(packs[worst].pack.digest)
            giveUp(worst)
            if reused + made <= most { made = newPacks() }
        }
        return givenUp
    }

    private func leastUsed() -> Int? {
        func unused(_ pack: Int) -> UInt64 { packs[pack].pack.size - min(packs[pack].pack.size, packs[pack].used) }
        var worst: Int?
        for pack in packs.indices where packs[pack].placed > 0 {
            if let known = worst, unused(known) >= unused(pack) { continue }
            worst = pack
        }
        return worst
    }

    private mutating func giveUp(_ pack: Int) {
        for place in packs[pack].places where units[places[place].unit].isThere {
            let unit = places[place].unit
            units[unit].isThere = false
            for place in units[unit].places {
                steps += 1
                let layer = places[place].layer
                guard current[layer] == place else { continue }
                remove(place)
                var next = places[place].next
                while let other = next, !units[places[other].unit].isThere {
                    steps += 1
                    next = places[other].next
                }
                current[layer] = nil
                if let next { put(layer, at: next) }
            }
        }
    }

    private mutating func put(_ layer: Int, at place: Int) {
        let pack = places[place].pack
        current[layer] = place
        if packs[pack].placed == 0 { reused += 1 }
        packs[pack].placed += 1
        packs[pack].used = packs[pack].used.clampedSum(places[place].length)
    }

    private mutating func remove(_ place: Int) {
        let pack = places[place].pack
        packs[pack].placed -= 1
        packs[pack].used -= min(packs[pack].used, places[place].length)
        if packs[pack].placed == 0 { reused -= 1 }
    }

    /// How many packs the layers without a place would fill.
    private mutating func newPacks() -> Int {
        steps += wanted.count
        let missing = wanted.indices.filter { current[$0] == nil }.map { wanted[$0] }
        return PackPlan.packs(of: missing.filter { !apart.contains($0.digest) }, packBits).count
            + PackPlan.packs(of: missing.filter { apart.contains($0.digest) }, packBits).count
    }
}
