import Model
import Support
import Testing

@Suite struct `The difference of two models` {
    private func manifest(_ family: Family, _ files: [(String, [Manifest.Segment])]) throws -> Manifest {
        var content: UInt64 = 0
        for segment in files.flatMap(\.1) { content = content &* 31 &+ segment.layer.digest.words.0 }
        var numbers = SeededNumbers(seed: content)
        return try Manifest(files: files.map { try family.file($0.0, $0.1, digest: numbers.digest()) })
    }

    private func kinds(_ difference: Difference) -> [String: Difference.Kind] {
        Dictionary(difference.tensors.map { ($0.name.string, $0.kind) }) { first, _ in first }
    }

    @Test func `names what became of each tensor`() throws {
        var family = Family(1)
        let (same, moved) = (family.tensor("same"), family.tensor("old.name"))
        let before = try manifest(
            family,
            [("m", [same, moved, family.tensor("c"), family.tensor("d"), family.tensor("s"), family.tensor("gone")])])
        let after = try manifest(
            family,
            [
                (
                    "m",
                    [
                        same, family.tensor("new.name", digest: moved.layer.digest), family.tensor("c"),
                        family.tensor("d", .i8), family.tensor("s", .u8, [2, 2]), family.tensor("fresh"),
                    ]
                )
            ])
        let difference = Difference(from: before, to: after)
        #expect(
            kinds(difference) == [
                "same": .same, "new.name": .renamed, "c": .changed, "d": .dtypeChanged, "s": .reshaped, "fresh": .added,
                "gone": .removed,
            ])
        #expect(difference.tensors.last?.name == "gone")
        #expect(difference.tensors[1].before?.tensor.name == "old.name")
        #expect(difference.bytesShared == 8)
        #expect(difference.bytesNeeded == 16)
        #expect(!difference.isEmpty && !difference.isIdentical)
    }

    @Test func `with itself is nothing`() throws {
        for seed in 0..<100 as Range<UInt64> {
            var family = Family(seed)
            let model = try family.manifest()
            let difference = Difference(from: model, to: model)
            #expect(difference.isEmpty && difference.isIdentical)
            #expect(difference.bytesNeeded == 0)
            #expect(difference.bytesShared == model.layers.reduce(0) { $0 + $1.size })
        }
    }

    /// Sums and counts that hold for any two models.
    @Test(arguments: 0..<200 as Range<UInt64>)
    func `accounts for every tensor and every byte`(_ seed: UInt64) throws {
        var family = Family(seed)
        func model() throws -> Manifest {
            let files = try (0..<3).map { index in
                let segments = (0..<Int.random(in: 0...8, using: &family.numbers)).map { _ in
                    let name = "layers.\(Int.random(in: 0...3, using: &family.numbers)).w"
                    let word = UInt64.random(in: 0...5, using: &family.numbers)
                    return family.tensor(name, .u8, [word], digest: Digest(words: (word, 0, 0, 0)))
                }
                return try family.file("\(index)", segments, digest: .empty)
            }
            return try Manifest(files: files)
        }
        let (before, after) = try (model(), model())
        let difference = Difference(from: before, to: after)
        let places = { (manifest: Manifest) in manifest.segments.compactMap(\.tensor).count }
        #expect(difference.tensors.filter { $0.before != nil }.count == places(before))
        #expect(difference.tensors.filter { $0.after != nil }.count == places(after))
        #expect(difference.bytesNeeded + difference.bytesShared == after.layers.reduce(0) { $0 + $1.size })
        for change in difference.tensors {
            let (old, new) = (change.before, change.after)
            switch change.kind {
            case .same: #expect(old?.tensor == new?.tensor && old?.layer == new?.layer)
            case .changed: #expect(old?.tensor == new?.tensor && old?.layer != new?.layer)
            case .reshaped: #expect(old?.tensor.name == new?.tensor.name && old?.tensor.shape != new?.tensor.shape)
            case .dtypeChanged: #expect(old?.tensor.name == new?.tensor.name && old?.tensor.dtype != new?.tensor.dtype)
            case .renamed: #expect(old?.tensor.name != new?.tensor.name && old?.layer == new?.layer)
            case .added: #expect(old == nil && new != nil)
            case .removed: #expect(old != nil && new == nil)
            case .alike, .unknown: Issue.record("everything of both is known")
            }
        }
        #expect(DifferenceSummary(difference).counts.total == difference.tensors.count)
    }

    @Test func `does not mind other shards and other headers`() throws {
        var family = Family(2)
        let tensors = (0..<6).map { family.tensor("t.\($0)") }
        let before = try manifest(family, [("one", [family.plain()] + tensors)])
        let after = try manifest(
            family, [("1-of-2", [family.plain()] + tensors[3...]), ("2-of-2", [family.plain()] + tensors[..<3])])
        let difference = Difference(from: before, to: after)
        #expect(difference.isEmpty && !difference.isIdentical)
        #expect(difference.files.isEmpty)
        #expect(difference.bytesNeeded == 20)
    }

    @Test func `finds tensors whose prefix changed, each at its own place`() throws {
        var family = Family(3)
        let ones = family.numbers.digest()
        let before = try manifest(
            family, [("m", (0..<8).map { family.tensor("model.layers.\($0).norm.weight", digest: ones) })])
        let after = try manifest(
            family,
            [("m", (0..<8).reversed().map { family.tensor("language_model.layers.\($0).norm.weight", digest: ones) })])
        let difference = Difference(from: before, to: after)
        #expect(difference.tensors.allSatisfy { $0.kind == .renamed })
        for change in difference.tensors {
            #expect(change.before?.tensor.name.string == change.name.string.replacing("language_model", with: "model"))
        }
        #expect(difference.bytesNeeded == 0)
    }

    @Test func `takes no tensor without bytes for another`() throws {
        var family = Family(4)
        let before = try manifest(family, [("m", [family.tensor("a", .u8, [0], digest: .empty)])])
        let after = try manifest(family, [("m", [family.tensor("b", .u8, [0], digest: .empty)])])
        #expect(kinds(Difference(from: before, to: after)) == ["a": .removed, "b": .added])
    }

    @Test func `pairs a name that several files have with the same bytes, then with the same file`() throws {
        var family = Family(5)
        let (x, y) = (family.tensor("w"), family.tensor("w"))
        let before = try manifest(family, [("a", [x]), ("b", [y])])
        let swapped = Difference(from: before, to: try manifest(family, [("a", [y]), ("b", [x])]))
        #expect(swapped.isEmpty)
        let changed = Difference(from: before, to: try manifest(family, [("a", [family.tensor("w")]), ("b", [y])]))
        #expect(changed.tensors.map(\.kind) == [.changed, .same])
        #expect(changed.tensors.first?.before?.file.string == "a")
        let fewer = Difference(from: before, to: try manifest(family, [("c", [family.tensor("w")])]))
        #expect(fewer.tensors.map(\.kind) == [.changed, .removed])
        let one = Difference(from: before, to: try manifest(family, [("b", [family.tensor("w")])]))
        #expect(one.tensors.map(\.before?.file.string) == ["b", "a"])
    }

    @Test func `keeps names apart that look the same`() throws {
        var family = Family(6)
        let before = try manifest(family, [("m", [family.tensor("\u{e9}")])])
        let after = try manifest(family, [("m", [family.tensor("e\u{301}")])])
        #expect(Difference(from: before, to: after).tensors.map(\.kind) == [.added, .removed])
    }

    @Test func `tells other files by their whole bytes`() throws {
        var family = Family(7)
        let (one, two) = (family.numbers.digest(), family.numbers.digest())
        func file(_ path: String, _ digest: Digest) throws -> Manifest.File {
            try family.file(path, [family.plain()], digest: digest)
        }
        let before = try Manifest(files: [file("config.json", one), file("gone.txt", one), file("tokenizer.json", one)])
        let after = try Manifest(files: [file("config.json", one), file("new.txt", two), file("tokenizer.json", two)])
        let difference = Difference(from: before, to: after)
        #expect(difference.files.map(\.path.string) == ["config.json", "gone.txt", "new.txt", "tokenizer.json"])
        #expect(difference.files.map(\.kind) == [.same, .removed, .added, .changed])
        #expect(!difference.isEmpty)
    }

    /// One that compares each with each takes hours.
    @Test(.timeLimit(.minutes(15))) func `ends where one name or one digest is everywhere`() throws {
        var family = Family(8)
        let digest = family.numbers.digest()
        let names = try manifest(family, [("m", (0..<20_000).map { _ in family.tensor("w") })])
        let others = try manifest(family, [("m", (0..<20_000).map { _ in family.tensor("w") })])
        let digests = try manifest(family, [("m", (0..<20_000).map { family.tensor("a\($0)", digest: digest) })])
        let moved = try manifest(family, [("m", (0..<20_000).map { family.tensor("b\($0)", digest: digest) })])
        #expect(Difference(from: names, to: others).tensors.allSatisfy { $0.kind == .changed })
        #expect(Difference(from: digests, to: moved).tensors.allSatisfy { $0.kind == .renamed })
    }
}

@Suite struct `The summary of a difference` {
    private func summary(_ before: [Manifest.Segment], _ after: [Manifest.Segment]) throws -> DifferenceSummary {
        let family = Family(0)
        return DifferenceSummary(
            Difference(
                from: try Manifest(files: [family.file("m", before, digest: .empty)]),
                to: try Manifest(files: [family.file("m", after, digest: .empty)])))
    }

    @Test func `shows a model of 32 layers on one screen`() throws {
        var family = Family(1)
        let parts = ["q", "k", "v", "norm"]
        let before =
            (0..<32).flatMap { layer in parts.map { family.tensor("model.layers.\(layer).\($0).weight") } }
            + [family.tensor("model.embed_tokens.weight"), family.tensor("lm_head.weight")]
        let after = before.map { segment in
            let name = segment.tensor?.name.string ?? ""
            let isTop =
                name.hasPrefix("model.layers.30.") || name.hasPrefix("model.layers.31.") || name == "lm_head.weight"
            return isTop && !name.contains("norm") ? family.tensor(name) : segment
        }
        let summary = try summary(before, after.shuffled(using: &family.numbers))
        #expect(
            summary.rows.map(\.label) == ["lm_head", "model.embed_tokens", "model.layers.0-29", "model.layers.30-31"])
        #expect(summary.rows.map { $0.counts[.changed] } == [1, 0, 0, 6])
        #expect(summary.rows.map(\.counts.total) == [1, 1, 120, 8])
        #expect(summary.rows.map(\.bytesChanged) == [4, 0, 0, 24])
        #expect(summary.rows.map(\.bytes) == [4, 4, 480, 32])
        #expect(summary.counts[.same] == 123)
    }

    @Test func `breaks a run at a gap and at another fate`() throws {
        var family = Family(2)
        let before = [0, 1, 3, 4, 10].map { family.tensor("h.\($0).w") }
        let after = Array(before.dropLast(2)) + [family.tensor("h.4.w"), before[4]]
        #expect(try summary(before, after).rows.map(\.label) == ["h.0-1", "h.3", "h.4", "h.10"])
    }

    @Test(
        arguments: [
            ("model.layers.7.self_attn.q.weight", "model.layers", 7), ("lm_head.weight", "lm_head", nil),
            ("w", "w", nil),
            ("", "", nil), ("0", "", 0), ("0.weight", "", 0), ("a.b.12", "a.b", 12), ("h.007.w", "h.007", nil),
            ("a.18446744073709551616.w", "a.18446744073709551616", nil),
            ("x.9999999999999999999.w", "x", 9_999_999_999_999_999_999),
            ("..", ".", nil), ("a.1b.w", "a.1b", nil), ("é.3.w", "é", 3), ("a.0.b.1.c", "a", 0),
        ] as [(ExactText, ExactText, UInt64?)])
    func `knows the block of a name`(_ name: ExactText, _ prefix: ExactText, _ number: UInt64?) {
        #expect(NetworkBlock(of: name) == NetworkBlock(prefix: prefix, number: number))
    }

    @Test func `keeps blocks apart whose names are as long`() throws {
        var family = Family(4)
        let tensors = ["aa.0.w", "bb.0.w", "ab.0.w", "bb.1.w"].map { family.tensor($0) }
        #expect(try summary(tensors, tensors).rows.map(\.label) == ["aa.0", "ab.0", "bb.0-1"])
    }

    @Test func `survives numbers at the end of what there is`() throws {
        var family = Family(3)
        let tensors = [0, 1, 9_999_999_999_999_999_998, 9_999_999_999_999_999_999].map { (number: UInt64) in
            family.tensor("\(number).w")
        }
        let labels = try summary(tensors, tensors).rows.map(\.label)
        #expect(labels == ["0-1", "9999999999999999998-9999999999999999999"])
    }

    @Test func `takes in what was found out of tensors that were not known`() throws {
        let tensors = ["a", "b", "c", "d"].map { Tensor(name: ExactText($0), dtype: .bf16, shape: [50]) }
        func outline(_ file: UInt8) throws -> Outline {
            let digest = SeededDigest.of(file)
            let segments = tensors.enumerated().map { place, tensor in
                Outline.Segment(content: .part(of: digest, from: UInt64(100 * place)), size: 100, tensor: tensor)
            }
            return Outline(files: [
                Outline.File(path: try FilePath("m.safetensors"), size: 400, digest: digest, segments: segments)
            ])
        }
        let unknown = Difference(from: try outline(1), to: try outline(2))
        #expect(unknown.tensors.allSatisfy { $0.kind == .unknown } && unknown.bytesUnknown == 400)
        let found = Difference(unknown, finding: [.same, .alike, .changed, nil])
        #expect(found.tensors.map(\.kind) == [.same, .alike, .changed, .unknown])
        #expect(found.bytesShared == 100 && found.bytesNeeded == 100)
        #expect(found.bytesAlike == 100 && found.bytesUnknown == 200)
    }
}

/// Digests of nothing in particular.
private enum SeededDigest {
    static func of(_ seed: UInt8) -> Digest {
        Digest(words: (UInt64(seed), 1, 2, 3))
    }
}
