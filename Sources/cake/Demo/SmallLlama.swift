import Model

/// A Llama of a few layers: real names, shapes and configuration, nothing else real.
struct SmallLlama: Sendable {
    let layers: Int
    private let vocabulary: UInt64
    /// In the order in which the model runs.
    let tensors: [Tensor]

    private static let hidden: UInt64 = 512
    private static let inner: UInt64 = 1408
    private static let keys: UInt64 = 256

    static let demo = SmallLlama(layers: 6, vocabulary: 8000)
    /// Large enough to be cut into pieces.
    static let selfTest = SmallLlama(layers: 2, vocabulary: 1500)

    private init(layers: Int, vocabulary: UInt64) {
        self.layers = layers
        self.vocabulary = vocabulary
        let (hidden, inner, keys, tensor) = (Self.hidden, Self.inner, Self.keys, Self.tensor)
        var tensors = [tensor("model.embed_tokens.weight", [vocabulary, hidden])]
        for layer in 0..<layers {
            let block = "model.layers.\(layer)"
            tensors += [
                tensor("\(block).input_layernorm.weight", [hidden]),
                tensor("\(block).self_attn.q_proj.weight", [hidden, hidden]),
                tensor("\(block).self_attn.k_proj.weight", [keys, hidden]),
                tensor("\(block).self_attn.v_proj.weight", [keys, hidden]),
                tensor("\(block).self_attn.o_proj.weight", [hidden, hidden]),
                tensor("\(block).post_attention_layernorm.weight", [hidden]),
                tensor("\(block).mlp.gate_proj.weight", [inner, hidden]),
                tensor("\(block).mlp.up_proj.weight", [inner, hidden]),
                tensor("\(block).mlp.down_proj.weight", [hidden, inner]),
            ]
        }
        tensors += [tensor("model.norm.weight", [hidden]), tensor("lm_head.weight", [vocabulary, hidden])]
        self.tensors = tensors
    }

    var parameters: UInt64 { tensors.reduce(0) { $0 + ($1.elements ?? 0) } }
    var bytes: UInt64 { tensors.reduce(0) { $0 + ($1.byteCount ?? 0) } }

    var configuration: JSONValue {
        [
            "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": JSONValue(Self.hidden),
            "intermediate_size": JSONValue(Self.inner), "max_position_embeddings": 2048, "model_type": "llama",
            "num_attention_heads": 8, "num_hidden_layers": JSONValue(layers), "num_key_value_heads": 4,
            "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": JSONValue(vocabulary),
        ]
    }

    private static func tensor(_ name: String, _ shape: [UInt64]) -> Tensor {
        Tensor(name: ExactText(name), dtype: .bf16, shape: shape)
    }
}
