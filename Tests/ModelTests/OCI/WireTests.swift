import Model
import Support
import Testing

/// A model of layers, and its push to a registry.
private struct Pushed {
    let layers: [Layer]
    let plan: PackPlan
    let index: PackIndex

    /// New layers are stored as themselves, or as deltas of what the plan allows.
    init(_ layers: [Layer], earlier: [PackIndex] = [], deltas: [Digest: Digest] = [:], _ random: inout SeededNumbers)
        throws
    {
        self.layers = layers
        plan = PackPlan(layers, earlier: earlier)
        var builder = PackBuilder(plan)
        let bases = Set(plan.taken.filter { $0.member.base == nil }.map(\.member.layer.digest))
        for new in plan.new {
            var offset: UInt64 = 0
            let members = new.map { layer in
                let base = deltas[layer.digest].flatMap { bases.contains($0) ? $0 : nil }
                let length = base == nil ? layer.size / 2 + 60 : layer.size / 10 + 60
                defer { offset += length }
                return PackIndex.Member(
                    layer: layer, stored: random.digest(), length: length, offset: offset, pack: 0,
                    transform: base == nil ? 1 : 2, base: base)
            }
            builder.add(PackIndex.Pack(digest: random.digest(), size: offset), members)
        }
        index = try builder.index()
    }
}

private func layers(_ count: Int, upTo size: UInt64, _ random: inout SeededNumbers) -> [Layer] {
    (0..<count).map { _ in Layer(digest: random.digest(), size: UInt64.random(in: 0...size, using: &random)) }
}

@Suite struct `The packs of a model` {
    @Test(arguments: 1...30 as ClosedRange<UInt64>) func `hold every layer once, in packs of the size that is due`(
        seed: UInt64
    ) throws {
        var random = SeededNumbers(seed: seed)
        let all = layers(
            Int.random(in: 1...400, using: &random), upTo: 1 << UInt64.random(in: 4...31, using: &random), &random)
        let plan = PackPlan(all)
        let wanted = all.filter { $0.size > 0 }
        #expect(plan.new.flatMap(\.self).sorted { $0.digest < $1.digest } == wanted.sorted { $0.digest < $1.digest })
        let limit: UInt64 = 1 << UInt64(plan.packBits)
        let total = wanted.reduce(0) { $0 + $1.size }
        #expect(total <= 200 * limit && (plan.packBits == 26 || total > 100 * limit))
        for pack in plan.new {
            #expect(pack.count == 1 || pack.reduce(0) { $0 + $1.size } <= limit)
            #expect(pack.count == 1 || pack.allSatisfy { $0.size < limit })
        }
        // The small ones keep the files' order.
        let small = plan.new.flatMap(\.self).filter { $0.size < limit }
        #expect(small == wanted.filter { $0.size < limit })
    }

    @Test(arguments: 1...30 as ClosedRange<UInt64>) func `stay for a fine-tune, which adds what it changed alone`(
        seed: UInt64
    ) throws {
        var random = SeededNumbers(seed: seed)
        let all = layers(200, upTo: 1 << 24, &random)
        let base = try Pushed(all, &random)
        var changed: [Digest: Digest] = [:]
        let tuned = all.map { layer in
            guard Int.random(in: 0..<5, using: &random) == 0, layer.size > 0 else { return layer }
            let new = Layer(digest: random.digest(), size: layer.size)
            changed[new.digest] = layer.digest
            return new
        }
        let tune = try Pushed(tuned, earlier: [base.index], deltas: changed, &random)
        #expect(Set(tune.plan.new.flatMap(\.self).map(\.digest)) == Set(changed.keys))
        #expect(Set(tune.plan.reused).isSubset(of: base.index.packs))
        // Pushed again, with either index, it needs nothing.
        for earlier in [[tune.index], [base.index, tune.index], [tune.index, base.index]] {
            let again = try Pushed(tuned, earlier: earlier, &random)
            #expect(again.plan.new.isEmpty)
            for layer in tuned where layer.size > 0 { #expect(again.index[layer.digest]?.layer == layer) }
        }
        // A third in which only deltas are wanted brings their bases along.
        let deltas = tune.index.members.filter { $0.base != nil }
        if !deltas.isEmpty {
            let third = try Pushed(deltas.map(\.layer), earlier: [tune.index], &random)
            #expect(third.plan.new.isEmpty && third.plan.taken.count == 2 * deltas.count)
        }
    }

    @Test func `are never more than 400 while old ones can be given up`() throws {
        var random = SeededNumbers(seed: 7)
        // A layer from each of 600 pushes of two layers; the second is never needed.
        var earlier: [PackIndex] = []
        var wanted: [Layer] = []
        for number in 0..<600 as Range<UInt64> {
            let pair = [
                Layer(digest: random.digest(), size: 1 << 16),
                Layer(digest: random.digest(), size: 1000 + number * 1000),
            ]
            earlier.append(try Pushed(pair, &random).index)
            wanted.append(pair[0])
        }
        let plan = PackPlan(wanted, earlier: earlier)
        #expect(plan.reused.count + plan.new.count == 400)
        // Those that waste most went.
        #expect(Set(plan.reused).isSubset(of: earlier.prefix(400).flatMap(\.packs)))
        #expect(plan.new.flatMap(\.self).count == 600 - plan.reused.count)
    }

    @Test func `keep what is no tensor apart, so that a pack of weights is of use to others`() throws {
        var random = SeededNumbers(seed: 3)
        let all = layers(60, upTo: 1 << 24, &random).filter { $0.size > 0 }
        let apart = Set(all.enumerated().filter { $0.offset % 5 == 0 }.map(\.element.digest))
        let plan = PackPlan(all, apart: apart)
        for pack in plan.new { #expect(Set(pack.map { apart.contains($0.digest) }).count == 1) }
        #expect(
            plan.new.flatMap(\.self).filter { apart.contains($0.digest) } == all.filter { apart.contains($0.digest) })
        #expect(Set(plan.new.flatMap(\.self)) == Set(all))
    }

    @Test func `that are refused are not listed, whichever index names them`() throws {
        var random = SeededNumbers(seed: 4)
        let all = layers(50, upTo: 1 << 24, &random)
        let first = try Pushed(all, &random).index
        let second = try Pushed(all, &random).index
        let bad = try #require(first.packs.first)
        let plan = PackPlan(all, earlier: [first, second], without: [bad.digest])
        #expect(plan.new.isEmpty && !plan.reused.contains(bad) && plan.reused.contains { second.packs.contains($0) })
        let alone = PackPlan(all, earlier: [first], without: Set(first.packs.map(\.digest)))
        #expect(alone.reused.isEmpty && Set(alone.new.flatMap(\.self)) == Set(all.filter { $0.size > 0 }))
    }

    @Test func `hold secrets, unless every byte of one is the model's`() throws {
        func layer(_ number: UInt64) -> Layer { Layer(digest: Digest(words: (number, 0, 0, 0)), size: 50) }
        func member(_ number: UInt64, in pack: Int, at offset: UInt64, base: UInt64? = nil) -> PackIndex.Member {
            PackIndex.Member(
                layer: layer(number), stored: .empty, length: 10, offset: offset, pack: pack, transform: 0,
                base: base.map { layer($0).digest })
        }
        let packs = (0..<4).map { PackIndex.Pack(digest: Digest(words: (0, UInt64($0), 0, 1)), size: 20) }
        let index = try PackIndex(
            packs: packs,
            members: [
                // All of it is needed; a layer of another model; bytes of which nothing is said; deltas on what is secret.
                member(1, in: 0, at: 0), member(2, in: 0, at: 10), member(3, in: 1, at: 0), member(9, in: 1, at: 10),
                member(4, in: 2, at: 5), member(5, in: 3, at: 0, base: 9), member(6, in: 3, at: 10, base: 1),
            ])
        let part = try index.part(whollyOf: Set((1...6).map { layer($0).digest }))
        #expect(Set(part.members.map(\.layer)) == [layer(1), layer(2), layer(6)])
    }

    @Test func `fit a manifest under a megabyte, for 90,000 tensors and 700 GB`() throws {
        var random = SeededNumbers(seed: 1)
        let all = (0..<90_000).map { index in
            Layer(digest: random.digest(), size: index % 100 == 0 ? 700_000_000 : UInt64(index % 1000 * 1500))
        }
        let total = all.reduce(0) { $0 + $1.size }
        #expect(total > 690_000_000_000)
        let pushed = try Pushed(all, &random)
        let encoded = pushed.index.encoded
        let artifact = ModelArtifact(
            config: (random.digest(), 500), manifest: (random.digest(), 10 << 20),
            index: (random.digest(), UInt64(encoded.count)),
            packs: pushed.index.packs)
        #expect(artifact.packs.count <= PackPlan.mostPacks)
        #expect(artifact.encoded.count < 1_000_000 && artifact.encoded.count < 150_000)
        #expect(try PackIndex(decoding: encoded.span) == pushed.index)
    }

    @Test(
        arguments: [
            (1, 26), (200 << 26, 26), (200 << 26 + 1, 27), (700_000_000_000, 32), (UInt64.max >> 8, 49), (.max, 57),
        ]
            as [(UInt64, UInt8)])
    func `grow with the model`(bytes: UInt64, bits: UInt8) {
        #expect(PackPlan.packBits(forPlainBytes: bytes) == bits)
    }
}

@Suite struct `An index of packs` {
    @Test(arguments: 1...300 as ClosedRange<UInt64>) func `that was injured is refused, or holds together all the same`(
        seed: UInt64
    ) throws {
        var random = SeededNumbers(seed: seed)
        let base = try Pushed(layers(6, upTo: 1 << 20, &random), &random)
        let tuned = base.layers.prefix(3) + layers(3, upTo: 1 << 20, &random)
        let bytes = try Pushed(Array(tuned), earlier: [base.index], &random).index.encoded
        let injured = random.injure(bytes)
        guard let read = try? PackIndex(decoding: injured.span) else { return }
        #expect(read.encoded == injured)
        for member in read.members { #expect(read.packs[member.pack].size >= member.offset + member.length) }
    }

    @Test func `is refused when it lies`() throws {
        let pack = PackIndex.Pack(digest: Digest(words: (1, 0, 0, 0)), size: 100)
        func member(
            _ number: UInt64, at offset: UInt64, _ length: UInt64 = 10, pack: Int = 0, base: UInt64? = nil,
            size: UInt64 = 5
        ) -> PackIndex.Member {
            PackIndex.Member(
                layer: Layer(digest: Digest(words: (number, 0, 0, 0)), size: size), stored: .empty, length: length,
                offset: offset,
                pack: pack, transform: 0, base: base.map { Digest(words: ($0, 0, 0, 0)) })
        }
        #expect(
            try PackIndex(packs: [pack], members: [member(1, at: 0), member(2, at: 10, base: 1)]).members.count == 2)
        for (packs, members) in [
            ([pack, pack], []), ([pack], [member(1, at: 0), member(1, at: 50)]), ([pack], [member(1, at: 91)]),
            ([pack], [member(1, at: .max)]), ([pack], [member(1, at: 0, .max)]), ([pack], [member(1, at: 0, pack: 1)]),
            ([pack], [member(1, at: 0), member(2, at: 9)]), ([pack], [member(1, at: 0, 0)]),
            ([pack], [member(1, at: 0, base: 2)]), ([pack], [member(1, at: 0, base: 1)]),
            ([pack], [member(1, at: 0), member(2, at: 10, base: 1), member(3, at: 20, base: 2)]),
            ([pack], [member(1, at: 0, size: 6), member(2, at: 10, base: 1)]), ([pack], [member(1, at: 0, size: 0)]),
        ] as [([PackIndex.Pack], [PackIndex.Member])] {
            #expect(throws: CakeError.self, "\(members)") { _ = try PackIndex(packs: packs, members: members) }
        }
    }
}

@Suite struct `The artifact of a model` {
    private let pack = PackIndex.Pack(digest: Digest(words: (1, 0, 0, 0)), size: 100)

    private func artifact(_ packs: [PackIndex.Pack]) -> ModelArtifact {
        ModelArtifact(
            config: (.empty, 0), manifest: (Digest(words: (2, 0, 0, 0)), 10), index: (Digest(words: (3, 0, 0, 0)), 10),
            packs: packs,
            annotations: [.init("org.opencontainers.image.title", "a \"model\"")])
    }

    @Test func `comes back from its manifest`() throws {
        let bytes = artifact([pack]).encoded
        let read = try ModelArtifact(RegistryManifest(parsing: bytes.span))
        #expect(read.packs == [pack] && read.index == artifact([]).index && read.manifest == artifact([]).manifest)
    }

    @Test func `is refused without an index, and when it is somebody else's`() throws {
        let text = String(decoding: artifact([pack]).encoded, as: UTF8.self)
        for (old, new) in [
            (ModelArtifact.indexType, "application/other"), (ModelArtifact.artifactType, "application/other"),
            (ModelArtifact.configType, "application/other"), (ModelArtifact.manifestType, ModelArtifact.indexType),
        ] {
            let bytes = Array(text.split(separator: old, omittingEmptySubsequences: false).joined(separator: new).utf8)
            #expect(throws: CakeError.self, "\(new)") { _ = try ModelArtifact(RegistryManifest(parsing: bytes.span)) }
        }
    }

    @Test func `has to hold every layer of the model`() throws {
        let layer = Layer(digest: Digest(words: (9, 0, 0, 0)), size: 5)
        let member = PackIndex.Member(layer: layer, stored: .empty, length: 10, offset: 0, pack: 0, transform: 0)
        let index = try PackIndex(packs: [pack], members: [member])
        func model(_ layer: Layer) throws -> Manifest {
            try Manifest(files: [
                .init(
                    path: FilePath("a"), digest: .empty, size: layer.size, segments: [.init(layer: layer, tensor: nil)])
            ])
        }
        try artifact([pack]).check(index, model(layer))
        #expect(throws: CakeError.self) { try artifact([]).check(index, model(layer)) }
        #expect(throws: CakeError.self) {
            try artifact([pack]).check(index, model(Layer(digest: layer.digest, size: 6)))
        }
        #expect(throws: CakeError.self) { try artifact([pack]).check(index, model(Layer(digest: .empty, size: 5))) }
    }
}
