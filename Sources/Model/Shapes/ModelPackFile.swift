/// What a file is in a ModelPack artifact. Readers load weights and their configuration; some pass over the others.
enum ModelPackFile: String {
    case weight
    case configuration = "weight.config"
    case documentation = "doc"
    case code

    /// Files are layers as they are.
    var mediaType: String { "application/vnd.cncf.model.\(rawValue).v1.raw" }

    init(_ path: FilePath) {
        let name = path.lastPart.lowercased()
        func ends(_ endings: [String]) -> Bool { endings.contains { name.hasSuffix($0) } }
        if WeightFormat(path) != nil {
            self = .weight
        } else if ends([".py", ".ipynb", ".sh"]) {
            self = .code
        } else if ends([".md", ".rst", ".pdf", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp"])
            || ["readme", "license", "licence", "notice", "copying"].contains(where: { name.hasPrefix($0) })
        {
            self = .documentation
        } else {
            self = .configuration
        }
    }

    /// The format of a file of weights, in the order in which a model's layers have them: Docker's reader takes the first layer.
    enum WeightFormat: Int, CaseIterable, Comparable {
        case safetensors, gguf, dduf, pickle, onnx, other

        private var endings: [String] {
            switch self {
            case .safetensors: [".safetensors"]
            case .gguf: [".gguf"]
            case .dduf: [".dduf"]
            case .pickle: [".bin", ".pt", ".pth", ".ckpt"]
            case .onnx: [".onnx", ".onnx_data", ".onnx.data"]
            case .other: [".h5", ".msgpack", ".tflite", ".ot"]
            }
        }

        init?(_ path: FilePath) {
            let name = path.lastPart.lowercased()
            let found = WeightFormat.allCases.first { format in format.endings.contains { name.hasSuffix($0) } }
            guard let found else { return nil }
            self = found
        }

        /// As a config has it; nil where no word for it is known.
        var word: String? {
            switch self {
            case .safetensors: "safetensors"
            case .gguf: "gguf"
            case .dduf: "dduf"
            case .pickle: "pt"
            case .onnx: "onnx"
            case .other: nil
            }
        }

        static func < (left: WeightFormat, right: WeightFormat) -> Bool { left.rawValue < right.rawValue }
    }
}
