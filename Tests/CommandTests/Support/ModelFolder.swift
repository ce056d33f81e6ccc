import Foundation
import Model
import Support

@testable import cake

/// A folder that vanishes with its owner, for models made from a seed and a store.
final class ModelFolder: Sendable {
    let path: String
    var store: String { path + "/store" }

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/cake-models-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A safetensors file: each tensor and its bytes, in order.
    func write(_ tensors: [(Tensor, [UInt8])], _ file: String) throws {
        try write(try Safetensors.header(for: tensors.map(\.0)) + tensors.flatMap(\.1), file)
    }

    func write(_ bytes: [UInt8], _ file: String) throws {
        let url = URL(filePath: path + "/" + file)
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(bytes).write(to: url)
    }

    func write(_ text: String, _ file: String) throws { try write(Array(text.utf8), file) }

    /// cake's JSON output.
    func document(_ arguments: String...) throws -> JSONValue {
        try ModelFolder.document(try run(arguments + ["--json"], [:]))
    }

    /// Runs cake in the folder, on its store.
    func cake(_ arguments: String..., variables: [String: String] = [:]) throws -> Tool {
        try run(arguments, variables)
    }

    private func run(_ arguments: [String], _ variables: [String: String]) throws -> Tool {
        let words = arguments.map { "'" + $0.replacing("'", with: "'\\''") + "'" }.joined(separator: " ")
        let script = "cd '\(path)' && exec '\(Tool.cake.path)' \(words)"
        return try Tool.run("sh", ["-c", script], variables: ["CAKE_HOME": store].merging(variables) { $1 })
    }

    /// The document that a command printed.
    static func document(_ tool: Tool) throws -> JSONValue {
        try JSONValue(parsing: Array(tool.output.utf8).span, limit: 64 << 20)
    }
}

/// A small model of `layers` blocks. Tensors of the blocks in `changed` differ from those of a model without.
struct SmallModel {
    var layers = 32
    var changed: Range<Int> = 0..<0
    var prefix = "model."
    var extra: [Tensor] = []

    var tensors: [(Tensor, [UInt8])] {
        var list = [tensor("embed_tokens.weight", [16, 8], seed: 1)]
        for layer in 0..<layers {
            let seed = changed.contains(layer) ? 100 : 0
            list.append(tensor("layers.\(layer).self_attn.q_proj.weight", [8, 8], seed: layer + seed))
            list.append(tensor("layers.\(layer).mlp.up_proj.weight", [16, 8], seed: layer + seed))
            list.append(tensor("layers.\(layer).input_layernorm.weight", [8], dtype: .f32, seed: 3))
        }
        return list + extra.map { ($0, [UInt8](repeating: 1, count: Int($0.byteCount ?? 0))) }
    }

    private func tensor(_ name: String, _ shape: [UInt64], dtype: DType = .bf16, seed: Int) -> (Tensor, [UInt8]) {
        let tensor = Tensor(name: ExactText(prefix + name), dtype: dtype, shape: shape)
        let count = Int(tensor.byteCount ?? 0)
        // Numbers around one, so that differences are of a size that reads well.
        let bytes = (0..<count).map { index -> UInt8 in
            index % 2 == 0 ? UInt8(truncatingIfNeeded: index &* 7 &+ seed &* 31 &+ name.utf8.count) : 0x3f
        }
        return (tensor, bytes)
    }

    static let config = """
        {"architectures":["MistralForCausalLM"],"model_type":"mistral","hidden_size":8,"num_hidden_layers":32,
        "num_attention_heads":4,"num_key_value_heads":1,"vocab_size":16,"max_position_embeddings":32768}
        """
}
