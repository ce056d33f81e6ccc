extension Safetensors {
    /// The length and the JSON of a file with these tensors, in the layout of the reference library's writer: compact,
    /// `__metadata__` first, padded with spaces to a multiple of eight. The tensors are in the order of their bytes;
    /// `referenceOrder` gives the reference's. Refuses headers that no reader would accept.
    public static func header(for tensors: [Tensor], metadata: [Header.Note] = []) throws(CakeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: prefixSize)
        bytes.append(UInt8(ascii: "{"))
        if !metadata.isEmpty {
            JSONText.append("__metadata__", to: &bytes, escaping: .needed)
            bytes += ":{".utf8
            for (index, note) in metadata.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                JSONText.append(note.key, to: &bytes, escaping: .needed)
                bytes.append(UInt8(ascii: ":"))
                JSONText.append(note.value, to: &bytes, escaping: .needed)
            }
            bytes.append(UInt8(ascii: "}"))
        }
        var names: Set<ExactText> = ["__metadata__"]
        var offset: UInt64 = 0
        for tensor in tensors {
            guard names.insert(tensor.name).inserted else {
                throw CakeError(.failed, "two tensors of one file are named \"\(tensor.name.printable)\"")
            }
            guard let size = tensor.byteCount, case (let end, false) = offset.addingReportingOverflow(size) else {
                throw CakeError(.failed, "tensor \"\(tensor.name.printable)\" has a size no file can hold")
            }
            if bytes.count > prefixSize + 1 { bytes.append(UInt8(ascii: ",")) }
            append(tensor, at: offset..<end, to: &bytes)
            offset = end
        }
        bytes.append(UInt8(ascii: "}"))
        while bytes.count % 8 != 0 { bytes.append(UInt8(ascii: " ")) }
        let length = bytes.count - prefixSize
        guard length <= maximumHeaderSize else {
            throw CakeError(
                .failed, "a header of \(length) bytes, and a safetensors file has at most \(maximumHeaderSize)",
                fix: "write the model in shards")
        }
        for index in 0..<prefixSize { bytes[index] = UInt8(truncatingIfNeeded: length >> (8 * index)) }
        return bytes
    }

    /// Widest dtype first, then by name: how the reference library orders the data.
    public static func referenceOrder(_ tensors: [Tensor]) -> [Tensor] {
        var rank: [DType: Int] = [:]
        for (index, dtype) in DType.allCases.enumerated() { rank[dtype] = index }
        return tensors.sorted {
            let (left, right) = (rank[$0.dtype] ?? 0, rank[$1.dtype] ?? 0)
            return left == right ? $0.name < $1.name : left > right
        }
    }

    private static func append(_ tensor: Tensor, at range: Range<UInt64>, to bytes: inout [UInt8]) {
        JSONText.append(tensor.name.string, to: &bytes, escaping: .needed)
        bytes += ":{\"dtype\":\"\(tensor.dtype.rawValue)\",\"shape\":[".utf8
        for (index, dimension) in tensor.shape.enumerated() {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            bytes += String(dimension).utf8
        }
        bytes += "],\"data_offsets\":[\(range.lowerBound),\(range.upperBound)]}".utf8
    }
}
