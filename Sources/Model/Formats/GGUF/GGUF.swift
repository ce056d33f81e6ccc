/// The GGUF format, versions 2 and 3: what llama.cpp reads.
///
///     GGUF | version u32 | tensors i64 | pairs i64 | pairs… | tensor infos… | padding | data
///
/// All little endian. A tensor's offset counts from the start of the data and is the sum of the padded sizes before it.
public enum GGUF {
    /// An element type: `bytes` hold `block` elements.
    public struct Encoding: Hashable, Sendable {
        public let id: UInt32
        public let name: String
        public let block: UInt64
        public let bytes: UInt64
    }

    public struct Entry: Hashable, Sendable {
        public let name: ExactText
        public let typeID: UInt32
        /// nil for a type this cake does not know; its range then runs to the next tensor.
        public let encoding: Encoding?
        /// Slowest first, as in safetensors: the reverse of the file's order.
        public let shape: [UInt64]
        /// In the file, without padding.
        public let range: Range<UInt64>
    }

    public struct Header: Hashable, Sendable {
        public let version: UInt32
        /// The pairs whose values are not arrays, in the file's order.
        public let metadata: JSONObject
        public let tensors: [Entry]
        public let alignment: UInt64
        public let dataStart: UInt64
    }

    static let usualAlignment: UInt64 = 32

    static func encoding(_ id: UInt32) -> Encoding? { encodings[id] }

    private static let encodings: [UInt32: Encoding] = {
        let table: [(UInt32, String, UInt64, UInt64)] = [
            (0, "F32", 1, 4), (1, "F16", 1, 2), (2, "Q4_0", 32, 18), (3, "Q4_1", 32, 20), (6, "Q5_0", 32, 22),
            (7, "Q5_1", 32, 24), (8, "Q8_0", 32, 34), (9, "Q8_1", 32, 36), (10, "Q2_K", 256, 84),
            (11, "Q3_K", 256, 110), (12, "Q4_K", 256, 144), (13, "Q5_K", 256, 176), (14, "Q6_K", 256, 210),
            (15, "Q8_K", 256, 292), (16, "IQ2_XXS", 256, 66), (17, "IQ2_XS", 256, 74), (18, "IQ3_XXS", 256, 98),
            (19, "IQ1_S", 256, 50), (20, "IQ4_NL", 32, 18), (21, "IQ3_S", 256, 110), (22, "IQ2_S", 256, 82),
            (23, "IQ4_XS", 256, 136), (24, "I8", 1, 1), (25, "I16", 1, 2), (26, "I32", 1, 4), (27, "I64", 1, 8),
            (28, "F64", 1, 8), (29, "IQ1_M", 256, 56), (30, "BF16", 1, 2), (34, "TQ1_0", 256, 54),
            (35, "TQ2_0", 256, 66), (39, "MXFP4", 32, 17), (40, "NVFP4", 64, 36), (41, "Q1_0", 128, 18),
            (42, "Q2_0", 64, 18),
        ]
        var result: [UInt32: Encoding] = [:]
        for (id, name, block, bytes) in table {
            result[id] = Encoding(id: id, name: name, block: block, bytes: bytes)
        }
        return result
    }()
}

extension GGUF.Encoding {
    /// The bytes of a tensor, or nil when they do not fit 64 bits or a row is no whole number of blocks.
    func byteCount(shape: [UInt64]) -> UInt64? {
        guard (shape.last ?? 1) % block == 0, let elements = Tensor.elements(of: shape) else { return nil }
        let (size, overflow) = (elements / block).multipliedReportingOverflow(by: bytes)
        return overflow ? nil : size
    }
}
