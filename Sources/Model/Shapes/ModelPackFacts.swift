/// What is known about a model for the config of its ModelPack artifact. Unknown members are left out: the format is closed, and
/// has no place for others. No time is in it.
public struct ModelPackFacts: Sendable {
    public var name: String?
    /// An address that a browser opens.
    public var source: String?
    public var commit: String?
    /// In the form of SPDX.
    public var license: String?
    /// The model's config.json.
    public var config: JSONValue?
    public var facts: Facts?
    /// The header of its first GGUF file.
    public var gguf: GGUF.Header?

    public init() {}

    /// Of files in the order of their layers.
    func config(of files: [Manifest.File]) -> [UInt8] {
        func members(_ all: KeyValuePairs<String, String?>) -> JSONObject {
            JSONObject(
                all.compactMap { key, value in
                    value.flatMap { $0.isEmpty ? nil : JSONObject.Member(key: key, value: .string($0)) }
                })
        }
        var descriptor = members(["family": family, "name": name, "sourceURL": source, "revision": commit])
        if let license { descriptor.append("licenses", [.string(license)]) }
        let format = files.lazy.compactMap { ModelPackFile.WeightFormat($0.path) }.min()
        let config = members([
            "architecture": hasAttention ? "transformer" : nil, "format": format?.word,
            "paramSize": ModelPackFacts.size(of: parameters), "precision": precision, "quantization": quantization,
        ])
        let document: JSONValue = [
            "descriptor": .object(descriptor), "config": .object(config),
            "modelfs": [
                "type": "layers",
                "diffIds": .array(files.map { .string(BlobName($0.digest).description) }),
            ],
        ]
        return document.bytes(.compact)
    }

    private var family: String? { facts?.modelType ?? gguf?.metadata["general.architecture"]?.string }

    private var hasAttention: Bool {
        if facts?.heads != nil { return true }
        guard let gguf, let family = gguf.metadata["general.architecture"]?.string else { return false }
        return gguf.metadata.members.contains { $0.key == "\(family).attention.head_count" }
    }

    private var parameters: UInt64 {
        if let facts, facts.parameters > 0 { return facts.parameters }
        return gguf?.tensors.reduce(0) { $0.clampedSum(Tensor.elements(of: $1.shape) ?? 0) } ?? 0
    }

    /// `6.7B`: always with a unit.
    static func size(of parameters: UInt64) -> String? {
        guard parameters < 1000 else {
            return Quantities.count(parameters).filter { $0 != " " }
        }
        let tenths = (parameters + 50) / 100
        return tenths == 0 ? nil : "\(tenths / 10).\(tenths % 10)K"
    }

    /// Of each type that holds a hundredth of the parameters, the most first.
    private var precision: String? {
        guard let facts, facts.parameters > 0 else { return nil }
        let words = facts.dtypes.filter { $0.parameters >= facts.parameters / 100 }.compactMap { $0.dtype.precision }
        return words.isEmpty ? nil : words.joined(separator: ",")
    }

    private var quantization: String? {
        if let method = config?["quantization_config"]?["quant_method"]?.string, method.utf8.count <= 100 {
            return method
        }
        guard let type = gguf?.metadata["general.file_type"]?.unsigned else { return nil }
        return ModelPackFacts.fileTypes[type]
    }

    /// llama.cpp's numbers of ways to quantize a file.
    private static let fileTypes: [UInt64: String] = [
        2: "Q4_0", 3: "Q4_1", 7: "Q8_0", 8: "Q5_0", 9: "Q5_1", 10: "Q2_K", 11: "Q3_K_S", 12: "Q3_K_M", 13: "Q3_K_L",
        14: "Q4_K_S", 15: "Q4_K_M", 16: "Q5_K_S", 17: "Q5_K_M", 18: "Q6_K", 19: "IQ2_XXS", 20: "IQ2_XS",
        21: "Q2_K_S", 22: "IQ3_XS", 23: "IQ3_XXS", 24: "IQ1_S", 25: "IQ4_NL", 26: "IQ3_S", 27: "IQ3_M", 28: "IQ2_S",
        29: "IQ2_M", 30: "IQ4_XS", 31: "IQ1_M", 36: "TQ1_0", 37: "TQ2_0", 38: "MXFP4_MOE",
    ]
}

extension DType {
    /// As ModelPack spells it; nil for types that it has no word for.
    fileprivate var precision: String? {
        switch self {
        case .bool: "bool"
        case .f64: "float64"
        case .f32: "float32"
        case .f16: "float16"
        case .bf16: "bfloat16"
        case .f8e4m3: "float8_e4m3"
        case .f8e5m2: "float8_e5m2"
        case .c64: "complex64"
        case .i8: "int8"
        case .i16: "int16"
        case .i32: "int32"
        case .i64: "int64"
        case .u8: "uint8"
        case .u16: "uint16"
        case .u32: "uint32"
        case .u64: "uint64"
        case .f4, .f6e2m3, .f6e3m2, .f8e8m0, .f8e4m3fnuz, .f8e5m2fnuz: nil
        }
    }
}
