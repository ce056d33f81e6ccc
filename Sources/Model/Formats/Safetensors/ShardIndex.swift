/// `model.safetensors.index.json`: which tensor is in which file. Advice only: it may name tensors that are nowhere and
/// leave out some that are.
public struct ShardIndex: Hashable, Sendable {
    public static let fileName = "model.safetensors.index.json"

    public struct Entry: Hashable, Sendable {
        public let tensor: ExactText
        public let file: FilePath

        public init(tensor: ExactText, file: FilePath) {
            self.tensor = tensor
            self.file = file
        }
    }

    /// As the index has them, each tensor once.
    public let entries: [Entry]
    /// The bytes of all tensors, without headers, as the index claims it.
    public let totalSize: UInt64?

    public init(entries: [Entry], totalSize: UInt64?) {
        self.entries = entries
        self.totalSize = totalSize
    }

    /// The files, each once, sorted.
    public var files: [FilePath] { Set(entries.map(\.file)).sorted() }

    public init(parsing bytes: Span<UInt8>) throws(CakeError) {
        guard bytes.count <= Safetensors.maximumHeaderSize else {
            throw CakeError(.damaged, "a shard index of \(bytes.count) bytes is too large")
        }
        var reader = ShardIndexReader()
        do throws(CakeError) {
            try reader.read(bytes)
        } catch {
            throw error.at("shard index")
        }
        guard let entries = reader.entries else {
            throw CakeError(.damaged, "shard index: has no weight_map", fix: Safetensors.advice)
        }
        self.init(entries: entries, totalSize: reader.totalSize)
    }

    /// As transformers writes it: indented by two, tensors sorted by name, a line feed at the end.
    public func bytes() -> [UInt8] {
        var map = JSONObject()
        for entry in entries.sorted(by: { $0.tensor < $1.tensor }) {
            map.append(entry.tensor.string, .string(entry.file.string))
        }
        var metadata = JSONObject()
        if let totalSize { metadata.append("total_size", JSONValue(totalSize)) }
        let document: JSONValue = ["metadata": .object(metadata), "weight_map": .object(map)]
        return document.bytes(.indented) + [lineFeed]
    }
}

private struct ShardIndexReader {
    var entries: [ShardIndex.Entry]?
    var totalSize: UInt64?

    mutating func read(_ bytes: Span<UInt8>) throws(CakeError) {
        var scanner = JSONScanner()
        var hasMetadata = false
        try scanner.beginObject(in: bytes)
        while let key = try scanner.nextKey(in: bytes) {
            if try JSONScanner.text(key, is: "weight_map", in: bytes) {
                guard entries == nil else { throw CakeError(.damaged, "weight_map is given twice") }
                entries = try ShardIndexReader.readMap(&scanner, in: bytes)
            } else if try JSONScanner.text(key, is: "metadata", in: bytes) {
                guard !hasMetadata else { throw CakeError(.damaged, "metadata is given twice") }
                hasMetadata = true
                totalSize = try ShardIndexReader.readTotalSize(&scanner, in: bytes)
            } else {
                try scanner.skipValue(in: bytes)
            }
        }
        try scanner.finish(in: bytes)
    }

    private static func readMap(
        _ scanner: inout JSONScanner, in bytes: Span<UInt8>
    ) throws(CakeError) -> [ShardIndex.Entry] {
        var entries: [ShardIndex.Entry] = []
        var names: Set<ExactText> = []
        // There are few files and many tensors: a name is checked once.
        var files: [ExactText: FilePath] = [:]
        try scanner.beginObject(in: bytes)
        while let key = try scanner.nextKey(in: bytes) {
            let tensor = ExactText(try JSONScanner.string(of: key, in: bytes))
            guard names.insert(tensor).inserted else {
                throw CakeError(.damaged, "tensor \"\(tensor.printable)\" is given twice")
            }
            let name = ExactText(try scanner.string(in: bytes))
            let file: FilePath
            if let known = files[name] { file = known } else { file = try FilePath(name.string) }
            files[name] = file
            entries.append(ShardIndex.Entry(tensor: tensor, file: file))
        }
        return entries
    }

    /// Some writers give the size as 1.5e10, and some indexes have other values here: neither is worth a refusal.
    private static func readTotalSize(
        _ scanner: inout JSONScanner, in bytes: Span<UInt8>
    ) throws(CakeError) -> UInt64? {
        guard try scanner.kind(in: bytes) == .object else {
            try scanner.skipValue(in: bytes)
            return nil
        }
        var size: UInt64?
        try scanner.beginObject(in: bytes)
        while let key = try scanner.nextKey(in: bytes) {
            guard try JSONScanner.text(key, is: "total_size", in: bytes), try scanner.kind(in: bytes) == .number else {
                try scanner.skipValue(in: bytes)
                continue
            }
            switch try scanner.number(in: bytes) {
            case .unsigned(let value): size = value
            case .double(let value): size = value >= 0 && value < 0x1p53 ? UInt64(value) : nil
            case .negative: size = nil
            }
        }
        return size
    }
}
