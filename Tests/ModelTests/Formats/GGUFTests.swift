import Model
import Support
import Testing

@Suite struct `A GGUF header` {
    /// Builds files byte by byte: each part can be wrong.
    struct Draft {
        var version: UInt32 = 3
        var pairs: [[UInt8]] = []
        var tensors: [[UInt8]] = []
        var alignment = 32
        var data = 0
        var counts: (tensors: UInt64?, pairs: UInt64?) = (nil, nil)

        static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
        }

        static func string(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count), 8) + Array(text.utf8) }

        static func pair(_ key: String, _ type: UInt64, _ value: [UInt8]) -> [UInt8] {
            string(key) + number(type, 4) + value
        }

        static func tensor(_ name: String, _ dimensions: [UInt64], _ type: UInt64, _ offset: UInt64) -> [UInt8] {
            string(name) + number(UInt64(dimensions.count), 4) + dimensions.flatMap { number($0, 8) } + number(type, 4)
                + number(offset, 8)
        }

        var header: [UInt8] {
            Array("GGUF".utf8) + Draft.number(UInt64(version), 4)
                + Draft.number(counts.tensors ?? UInt64(tensors.count), 8)
                + Draft.number(counts.pairs ?? UInt64(pairs.count), 8) + pairs.flatMap(\.self) + tensors.flatMap(\.self)
        }

        var size: UInt64 { UInt64((header.count + alignment - 1) / alignment * alignment + data) }
    }

    private func read(_ draft: Draft) throws(CakeError) -> GGUF.Header? {
        let bytes = draft.header
        return try GGUF.Header.read(prefix: bytes.span, fileSize: draft.size)
    }

    private static let sample = Draft(
        pairs: [
            Draft.pair("general.architecture", 8, Draft.string("llama")), Draft.pair("n", 4, Draft.number(7, 4)),
            Draft.pair("i", 11, Draft.number(.max, 8)), Draft.pair("b", 7, [1]),
            Draft.pair("f", 6, Draft.number(UInt64(Float(1.5).bitPattern), 4)),
            Draft.pair("words", 9, Draft.number(8, 4) + Draft.number(2, 8) + Draft.string("a") + Draft.string("")),
            Draft.pair("sizes", 9, Draft.number(2, 4) + Draft.number(3, 8) + [1, 0, 2, 0, 3, 0]),
        ],
        tensors: [Draft.tensor("q", [64, 3], 2, 0), Draft.tensor("f", [3], 0, 128), Draft.tensor("x", [2], 99, 160)],
        data: 200)

    @Test func `says where each tensor lies in the file`() throws {
        let header = try #require(try read(Self.sample))
        #expect(header.tensors.map(\.name) == ["q", "f", "x"])
        #expect(header.tensors.map(\.shape) == [[3, 64], [3], [2]])
        #expect(header.tensors.map { $0.range.lowerBound - header.dataStart } == [0, 128, 160])
        #expect(header.tensors.map(\.range.count) == [108, 12, 40])
        #expect(header.tensors.map { $0.encoding?.name } == ["Q4_0", "F32", nil])
        #expect(header.metadata["general.architecture"] == "llama" && header.metadata["n"] == 7)
        #expect(header.metadata["i"] == -1 && header.metadata["b"] == true && header.metadata["f"] == 1.5)
        #expect(header.metadata.members.count == 5)
        #expect(header.dataStart % 32 == 0 && header.alignment == 32)
    }

    @Test func `asks for more until it is whole`() throws {
        let bytes = Self.sample.header
        for end in 0..<bytes.count {
            #expect(try GGUF.Header.read(prefix: bytes.span.extracting(0..<end), fileSize: Self.sample.size) == nil)
            #expect(throws: CakeError.self) {
                try GGUF.Header.read(prefix: bytes.span.extracting(0..<end), fileSize: UInt64(end))
            }
        }
    }

    @Test func `has the alignment it says`() throws {
        var draft = Draft(alignment: 8, data: 20)
        draft.pairs = [Draft.pair("general.alignment", 4, Draft.number(8, 4))]
        draft.tensors = [Draft.tensor("a", [3], 0, 0), Draft.tensor("b", [1], 0, 16)]
        #expect(try read(draft)?.alignment == 8)
        for bad in [0, 3, 12] as [UInt64] {
            draft.pairs = [Draft.pair("general.alignment", 4, Draft.number(bad, 4))]
            #expect(throws: CakeError.self) { try read(draft) }
        }
    }

    @Test func `is refused when it breaks a rule`() {
        let a = Draft.tensor("a", [8], 0, 0)
        let drafts: [String: Draft] = [
            "version 1": Draft(version: 1), "version 4": Draft(version: 4), "big endian": Draft(version: 3 << 24),
            "count": Draft(counts: (1 << 31, nil)), "pairs": Draft(counts: (nil, .max)),
            "empty key": Draft(pairs: [Draft.pair("", 7, [1])]),
            "key twice": Draft(pairs: [Draft.pair("k", 7, [1]), Draft.pair("k", 7, [1])]),
            "pair type": Draft(pairs: [Draft.pair("k", 13, [1])]),
            "array of arrays": Draft(pairs: [Draft.pair("k", 9, Draft.number(9, 4) + Draft.number(0, 8))]),
            "array type": Draft(pairs: [Draft.pair("k", 9, Draft.number(13, 4) + Draft.number(0, 8))]),
            "long array": Draft(pairs: [Draft.pair("k", 9, Draft.number(10, 4) + Draft.number(.max, 8))]),
            "key not UTF-8": Draft(pairs: [Draft.number(1, 8) + [0xff]]),
            "name twice": Draft(tensors: [a, Draft.tensor("a", [8], 0, 32)], data: 64),
            "long name": Draft(tensors: [Draft.tensor(String(repeating: "x", count: 64), [8], 0, 0)], data: 32),
            "dimensions": Draft(tensors: [Draft.tensor("a", [1, 1, 1, 1, 1], 0, 0)], data: 4),
            "negative": Draft(tensors: [Draft.tensor("a", [.max], 0, 0)], data: 4),
            "too large": Draft(tensors: [Draft.tensor("a", [1 << 62, 8], 0, 0)], data: 4),
            "no whole block": Draft(tensors: [Draft.tensor("a", [33], 2, 0)], data: 36),
            "gap": Draft(tensors: [a, Draft.tensor("b", [8], 0, 64)], data: 96),
            "overlap": Draft(tensors: [a, Draft.tensor("b", [8], 0, 0)], data: 64),
            "late": Draft(tensors: [Draft.tensor("a", [8], 0, 32)], data: 64), "cut": Draft(tensors: [a], data: 31),
            "more": Draft(tensors: [a], data: 33),
            "unknown": Draft(
                tensors: [a, Draft.tensor("b", [8], 99, 32), Draft.tensor("c", [8], 0, 0)], data: 64),
        ]
        for (rule, draft) in drafts {
            #expect(refusal { () throws(CakeError) in try read(draft) }?.kind == .damaged, "\(rule)")
        }
        let other = Array("GGML0000000000000000".utf8)
        #expect(throws: CakeError.self) { try GGUF.Header.read(prefix: other.span, fileSize: 20) }
    }

    @Test func `injured never traps`() throws {
        for seed in 0..<2000 as Range<UInt64> {
            var numbers = SeededNumbers(seed: seed)
            let bytes = numbers.injure(Self.sample.header)
            guard let header = try? GGUF.Header.read(prefix: bytes.span, fileSize: Self.sample.size) else { continue }
            for (entry, next) in zip(header.tensors, header.tensors.dropFirst()) {
                #expect(entry.range.upperBound <= next.range.lowerBound, "seed \(seed)")
            }
            #expect(header.tensors.last.map { $0.range.upperBound <= Self.sample.size } ?? true, "seed \(seed)")
        }
    }
}
