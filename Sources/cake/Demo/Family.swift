import Model
import Platform

/// Models that are related as real ones are, made from a seed: a base, two fine-tunes of it, and a copy in other clothes.
struct Family: Sendable {
    static let members: [(name: String, meaning: String)] = [
        ("base", "\(Quantities.count(SmallLlama.demo.parameters)) parameters in bf16, named as a Llama's"),
        ("top-tune", "base, its two top layers trained further"),
        ("full-tune", "base, all of it trained further"),
        ("resharded", "base in three files, every tensor under another name"),
    ]

    /// Room for the family, its layers and an export.
    static let roomNeeded = 8 * SmallLlama.demo.bytes

    private let folder: String
    private let llama: SmallLlama
    private let pool: BlockingPool
    private let chunks: ChunkPool

    private static let fileName = "model.safetensors"
    private static let metadata = [Safetensors.Header.Note(key: "format", value: "pt")]

    init(of llama: SmallLlama = .demo, in folder: String, on pool: BlockingPool) {
        self.folder = folder
        self.llama = llama
        self.pool = pool
        chunks = ChunkPool(chunkCapacity: Int(llama.tensors.compactMap(\.byteCount).max() ?? 0))
    }

    /// A base and a full fine-tune of it.
    func makePair() async throws {
        try await make("full-tune", from: try await makeBase(), seed: 3) { _ in true }
    }

    func make() async throws {
        let base = try await makeBase()
        let top = (llama.layers - 2..<llama.layers).map { "model.layers.\($0)." }
        try await make("top-tune", from: base, seed: 2) { tensor in
            top.contains { tensor.name.string.hasPrefix($0) }
        }
        try await make("full-tune", from: base, seed: 3) { _ in true }
        try await reshard(base)
    }

    /// A file of the family, and where its tensors lie.
    private struct Written: Sendable {
        let file: File
        let offsets: [ExactText: UInt64]
    }

    private func makeBase() async throws -> Written {
        try await write(llama.tensors, to: "base/" + Self.fileName) { tensor, number, room in
            try Weights.draw(into: &room, isNorm: tensor.shape.count == 1, seed: number)
        }
    }

    private func make(
        _ name: String, from base: Written, seed: UInt64, where isTrained: @escaping @Sendable (Tensor) -> Bool
    ) async throws {
        _ = try await write(llama.tensors, to: "\(name)/\(Self.fileName)") { tensor, number, room in
            _ = try base.file.read(into: &room, at: base.offsets[tensor.name] ?? 0)
            if isTrained(tensor) { try Weights.nudge(&room, seed: seed << 32 | number) }
        }
    }

    /// As a model with pictures names the language model in it.
    private func reshard(_ base: Written) async throws {
        let prefix = "language_model."
        let count = 3
        var shards = [[Tensor]](repeating: [], count: count)
        var bytes: UInt64 = 0
        for tensor in llama.tensors {
            let name = ExactText(prefix + tensor.name.string)
            let shard = min(count - 1, Int(bytes * UInt64(count) / llama.bytes))
            shards[shard].append(Tensor(name: name, dtype: tensor.dtype, shape: tensor.shape))
            bytes += tensor.byteCount ?? 0
        }
        var entries: [ShardIndex.Entry] = []
        for (index, tensors) in shards.enumerated() {
            let name = "model-0000\(index + 1)-of-0000\(count).safetensors"
            let path = try FilePath(name)
            entries += tensors.map { ShardIndex.Entry(tensor: $0.name, file: path) }
            _ = try await write(tensors, to: "resharded/\(name)") { tensor, _, room in
                let original = ExactText(String(tensor.name.string.dropFirst(prefix.count)))
                _ = try base.file.read(into: &room, at: base.offsets[original] ?? 0)
            }
        }
        let index = ShardIndex(entries: entries, totalSize: llama.bytes).bytes()
        try File("\(folder)/resharded/\(ShardIndex.fileName)", .create).write(index.span, at: 0)
    }

    /// Writes a file of these tensors, made on all cores, and its configuration beside it.
    private func write(
        _ tensors: [Tensor], to path: String,
        _ fill: @escaping @Sendable (Tensor, UInt64, inout MutableSpan<UInt8>) throws -> Void
    ) async throws -> Written {
        let path = folder + "/" + path
        let above = Disk.parent(of: path)
        try Disk.makeFolder(above)
        if try !Disk.exists(above + "/config.json") {
            let configuration = llama.configuration.bytes(.indented)
            try File(above + "/config.json", .create).write(configuration.span, at: 0)
        }
        let ordered = Safetensors.referenceOrder(tensors)
        let header = try Safetensors.header(for: ordered, metadata: Self.metadata)
        let file = try File(path, .create)
        try file.write(header.span, at: 0)
        var offset = UInt64(header.count)
        var offsets: [ExactText: UInt64] = [:]
        let chunks = chunks
        try await inOrder(ordered.count, atOnce: 2 * BlockingPool.processors, on: pool) { index in
            try Task.checkCancellation()
            let chunk = chunks.take()
            let count = Int(ordered[index].byteCount ?? 0)
            try chunk.withRoom { room in
                var exact = room._mutatingExtracting(0..<count)
                try fill(ordered[index], UInt64(index), &exact)
            }
            chunk.count = count
            return chunk
        } take: { index, chunk in
            defer { chunks.giveBack(chunk) }
            try chunk.withBytes { bytes throws(CakeError) in try file.write(bytes, at: offset) }
            offsets[ordered[index].name] = offset
            offset += UInt64(chunk.count)
        }
        return Written(file: file, offsets: offsets)
    }
}

/// The numbers of a tensor, as bf16: the upper half of a Float.
private enum Weights {
    /// How far weights are from 0, and how far training moves them: enough to change most of them in their last bits.
    private static let spread: Float = 0.02
    private static let step: Float = 0.0001
    /// Whether to go on is asked whenever these bits of the offset are all 0.
    private static let stretch = 0x3_ffff

    static func draw(into room: inout MutableSpan<UInt8>, isNorm: Bool, seed: UInt64) throws {
        var random = Randomness(seed: seed)
        var index = 0
        while index + 1 < room.count {
            if index & Self.stretch == 0 { try Task.checkCancellation() }
            put(isNorm ? 1 + random.bell() * spread : random.bell() * spread, into: &room, at: index)
            index &+= 2
        }
    }

    static func nudge(_ room: inout MutableSpan<UInt8>, seed: UInt64) throws {
        var random = Randomness(seed: seed)
        var index = 0
        while index + 1 < room.count {
            if index & Self.stretch == 0 { try Task.checkCancellation() }
            let bits = UInt32(room[index]) &<< 16 | UInt32(room[index + 1]) &<< 24
            put(Float(bitPattern: bits) + random.bell() * step, into: &room, at: index)
            index &+= 2
        }
    }

    /// To the nearest.
    private static func put(_ value: Float, into room: inout MutableSpan<UInt8>, at index: Int) {
        let bits = (value.bitPattern &+ 0x8000) &>> 16
        room[index] = UInt8(truncatingIfNeeded: bits)
        room[index + 1] = UInt8(truncatingIfNeeded: bits &>> 8)
    }
}
