/// Tensors as safetensors files, none larger than the limit unless one tensor is, and the index that says which file
/// has which tensor.
public struct Shards: Sendable {
    public struct File: Sendable {
        public let path: FilePath
        /// With its length before it.
        public let header: [UInt8]
        /// In the order of their bytes, which follow the header without gaps.
        public let entries: [Weights.Entry]
        public let size: UInt64
    }

    public let files: [File]
    /// Bytes of the index; nil where one file has everything.
    public let index: [UInt8]?

    /// Files are filled in the order of the model. In a file, tensors have the order of the reference library's writer.
    /// `limit` counts the bytes of tensors, as others do; nil makes one file.
    public init(_ weights: Weights, limit: UInt64?, metadata: [Safetensors.Header.Note]) throws(CakeError) {
        var groups: [[Weights.Entry]] = [[]]
        var size: UInt64 = 0
        for entry in weights.entries {
            let (sum, overflow) = size.addingReportingOverflow(entry.layer.size)
            if let limit, overflow || sum > limit, groups.last?.isEmpty == false {
                groups.append([])
                size = entry.layer.size
            } else {
                size = sum
            }
            groups[groups.count - 1].append(entry)
        }
        var files: [File] = []
        var index: [ShardIndex.Entry] = []
        for (number, group) in groups.enumerated() {
            let path = try FilePath(Shards.name(number, of: groups.count))
            var layers: [ExactText: Layer] = [:]
            for entry in group { layers[entry.tensor.name] = entry.layer }
            let entries = Safetensors.referenceOrder(group.map(\.tensor)).compactMap { tensor in
                layers[tensor.name].map { Weights.Entry(tensor: tensor, layer: $0) }
            }
            let header = try Safetensors.header(for: entries.map(\.tensor), metadata: metadata)
            let bytes = entries.reduce(UInt64(header.count)) { $0.clampedSum($1.layer.size) }
            files.append(File(path: path, header: header, entries: entries, size: bytes))
            index += group.map { ShardIndex.Entry(tensor: $0.tensor.name, file: path) }
        }
        self.files = files
        self.index = groups.count > 1 ? ShardIndex(entries: index, totalSize: weights.size).bytes() : nil
    }

    private static func name(_ number: Int, of count: Int) -> String {
        guard count > 1 else { return "model.safetensors" }
        func five(_ number: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
        }
        return "model-\(five(number + 1))-of-\(five(count)).safetensors"
    }
}

extension Safetensors.Header.Note {
    /// The notes of several files together: the first note with a key counts.
    public static func merged(_ headers: [[Safetensors.Header.Note]]) -> [Safetensors.Header.Note] {
        var seen: Set<ExactText> = []
        let notes = headers.joined().filter { seen.insert(ExactText($0.key)).inserted }
        return notes.isEmpty ? [.torch] : notes
    }
}
