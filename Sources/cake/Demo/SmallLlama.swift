import Model

/// A Llama of a few layers: real names, shapes and configuration, nothing else real.
enum SmallLlama {
    static let layers = 6
    private static let hidden: UInt64 = 512
    private static let inner: UInt64 = 1408
    private static let keys: UInt64 = 256
    private static let vocabulary: UInt64 = 8000

    /// In the order in which the model runs.
    static let tensors: [Tensor] = {
        var tensors = [tensor("model.embed_tokens.weight", vocabulary, hidden)]
        for layer in 0..<layers {
            let block = "model.layers.\(layer)"
            tensors += [
                tensor("\(block).input_layernorm.weight", hidden),
                tensor("\(block).self_attn.q_proj.weight", hidden, hidden),
                tensor("\(block).self_attn.k_proj.weight", keys, hidden),
                tensor("\(block).self_attn.v_proj.weight", keys, hidden),
                tensor("\(block).self_attn.o_proj.weight", hidden, hidden),
                tensor("\(block).post_attention_layernorm.weight", hidden),
                tensor("\(block).mlp.gate_proj.weight", inner, hidden),
                tensor("\(block).mlp.up_proj.weight", inner, hidden),
                tensor("\(block).mlp.down_proj.weight", hidden, inner),
            ]
        }
        return tensors + [tensor("model.norm.weight", hidden), tensor("lm_head.weight", vocabulary, hidden)]
    }()

    static let parameters = tensors.reduce(UInt64(0)) { $0 + ($1.elements ?? 0) }
    static let bytes = tensors.reduce(UInt64(0)) { $0 + ($1.byteCount ?? 0) }

    static let configuration: JSONValue = [
        "architectures": ["LlamaForCausalLM"], "hidden_act": "silu", "hidden_size": JSONValue(hidden),
        "intermediate_size": JSONValue(inner), "max_position_embeddings": 2048, "model_type": "llama",
        "num_attention_heads": 8, "num_hidden_layers": JSONValue(layers), "num_key_value_heads": 4,
        "tie_word_embeddings": false, "torch_dtype": "bfloat16", "vocab_size": JSONValue(vocabulary),
    ]

    private static func tensor(_ name: String, _ shape: UInt64...) -> Tensor {
        Tensor(name: ExactText(name), dtype: .bf16, shape: shape)
    }
}
