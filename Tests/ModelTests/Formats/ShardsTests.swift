import Support
import Testing

@testable import Model

@Suite struct `Tensors spread over files` {
    private static func weights(_ sizes: [UInt64], dtype: DType = .u8) throws -> Weights {
        try Weights(
            sizes.enumerated().map { index, size in
                Weights.Entry(
                    tensor: Tensor(name: ExactText("t\(index)"), dtype: dtype, shape: [size * 8 / dtype.bits]),
                    layer: Layer(digest: Digest(words: (UInt64(index), 0, 0, 0)), size: size))
            })
    }

    private func read(_ index: [UInt8]?) throws -> ShardIndex {
        let bytes = try #require(index)
        return try ShardIndex(parsing: bytes.span)
    }

    @Test func `fill one file after the other, and one that is too large has a file alone`() throws {
        let shards = try Shards(Self.weights([4, 4, 4, 100, 4, 0]), limit: 10, metadata: [.torch])
        #expect(
            shards.files.map { $0.entries.map(\.tensor.name.string) } == [["t0", "t1"], ["t2"], ["t3"], ["t4", "t5"]])
        #expect(
            shards.files.map(\.path.string) == (1...4).map { "model-0000\($0)-of-00004.safetensors" })
        for file in shards.files {
            #expect(file.size == UInt64(file.header.count) + file.entries.reduce(0) { $0 + $1.layer.size })
        }
        let index = try read(shards.index)
        #expect(index.totalSize == 116)
        #expect(index.entries.first { $0.tensor == "t3" }?.file.string == "model-00003-of-00004.safetensors")
    }

    @Test func `are one file without an index when there is no limit, or no need`() throws {
        for limit in [nil, 100] as [UInt64?] {
            let shards = try Shards(Self.weights([40, 60]), limit: limit, metadata: [])
            #expect(shards.files.map(\.path.string) == ["model.safetensors"])
            #expect(shards.index == nil)
        }
    }

    @Test func `lie in a file as the reference library's writer has them`() throws {
        let entries = try Self.weights([2, 2], dtype: .f16).entries
        let wide = Weights.Entry(
            tensor: Tensor(name: "z", dtype: .f64, shape: [1]),
            layer: Layer(digest: Digest(words: (9, 0, 0, 0)), size: 8))
        let shards = try Shards(Weights(entries + [wide]), limit: nil, metadata: [.torch])
        #expect(shards.files[0].entries.map(\.tensor.name.string) == ["z", "t0", "t1"])
        let header = Array(shards.files[0].header[8...])
        let parsed = try Safetensors.Header(parsing: header.span, fileSize: shards.files[0].size)
        #expect(parsed.metadata == [.torch])
        #expect(parsed.tensors.map(\.tensor) == shards.files[0].entries.map(\.tensor))
    }

    @Test func `say of themselves what the files said that they come from`() {
        typealias Note = Safetensors.Header.Note
        let (one, two) = (Note(key: "a", value: "1"), Note(key: "a", value: "2"))
        #expect(Note.merged([[one], [two, .torch]]) == [one, .torch])
        #expect(Note.merged([[], []]) == [.torch])
    }
}
