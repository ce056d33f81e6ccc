/// What a model is, from its config.json and its tensors' names and shapes alone. Both come from strangers: a value
/// that is missing, of another type or absurd counts as not known. Texts are safe to print.
public struct Facts: Hashable, Sendable {
    /// A dtype and its number of parameters.
    public struct Share: Hashable, Sendable {
        public let dtype: DType
        public fileprivate(set) var tensors: Int
        public fileprivate(set) var parameters: UInt64
        public fileprivate(set) var bytes: UInt64
    }

    public let architectures: [String]
    public let modelType: String?
    public let hiddenSize: UInt64?
    public let layers: UInt64?
    public let heads: UInt64?
    /// Fewer than `heads` where several share one pair of key and value.
    public let keyValueHeads: UInt64?
    public let vocabulary: UInt64?
    public let contextLength: UInt64?
    public let experts: UInt64?

    public let tensors: Int
    /// Elements of all tensors, a tied one as often as it has a name.
    public let parameters: UInt64
    public let bytes: UInt64
    /// Most parameters first.
    public let dtypes: [Share]

    public init(config: JSONValue?, tensors: some Sequence<Tensor>) {
        var shapes = ShapeFacts()
        for tensor in tensors { shapes.add(tensor) }
        let config = ConfigFacts(config)
        architectures = config.texts("architectures") + (config.text("_class_name").map { [$0] } ?? [])
        modelType = config.text("model_type")
        hiddenSize = config.number("hidden_size", "n_embd", "d_model", "dim", "hidden_dim") ?? shapes.hiddenSize
        layers =
            config.number("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers") ?? shapes.layers
        heads = config.number("num_attention_heads", "n_head", "n_heads", "num_heads", "encoder_attention_heads")
        keyValueHeads = config.number("num_key_value_heads", "num_kv_heads", "n_head_kv")
        vocabulary = config.number("vocab_size", "n_vocab") ?? shapes.vocabulary
        contextLength =
            config.number(
                "max_position_embeddings", "n_positions", "n_ctx", "max_seq_len", "seq_length", "max_sequence_length")
            ?? shapes.contextLength
        experts = config.number("num_local_experts", "num_experts", "n_routed_experts")
        dtypes = shapes.shares.values.sorted {
            ($1.parameters, $0.dtype.rawValue) < ($0.parameters, $1.dtype.rawValue)
        }
        self.tensors = dtypes.reduce(0) { $0 + $1.tensors }
        parameters = dtypes.reduce(0) { $0.clampedSum($1.parameters) }
        bytes = dtypes.reduce(0) { $0.clampedSum($1.bytes) }
    }
}

/// Looks where configs keep things: at the top, or in the part for text when a model also sees or hears.
private struct ConfigFacts {
    private let places: [JSONValue]

    init(_ config: JSONValue?) {
        let parts = ["text_config", "llm_config", "language_config", "text_model_config"]
        places = config.map { top in [top] + parts.compactMap { top[$0] } } ?? []
    }

    func number(_ keys: String...) -> UInt64? {
        for place in places {
            if let value = keys.lazy.compactMap({ place[$0]?.unsigned }).first { return value }
        }
        return nil
    }

    func text(_ key: String) -> String? { places.lazy.compactMap { $0[key]?.string }.first.map(ConfigFacts.tame) }

    func texts(_ key: String) -> [String] {
        let all = places.lazy.compactMap { $0[key]?.array }.first ?? []
        return all.prefix(8).compactMap(\.string).map(ConfigFacts.tame)
    }

    /// A name of reasonable length, without characters that control a terminal.
    private static func tame(_ text: String) -> String {
        Printable.escape(String(text.unicodeScalars.prefix(100).map(Character.init)))
    }
}

/// Facts from the tensors alone, without a config.
private struct ShapeFacts {
    private(set) var shares: [DType: Facts.Share] = [:]
    private(set) var vocabulary: UInt64?
    private(set) var hiddenSize: UInt64?
    private(set) var contextLength: UInt64?
    private var finder = BlockFinder()
    private var stacks: [ExactText: Stack] = [:]

    /// The blocks under one prefix: `model.layers`.
    private struct Stack {
        var numbers: Set<UInt64> = []
        var tensors = 0
    }

    /// The blocks of the stack that has most of the tensors: a model that also sees has more than one.
    var layers: UInt64? {
        stacks.max { ($0.value.tensors, $1.key) < ($1.value.tensors, $0.key) }.map { UInt64($0.value.numbers.count) }
    }

    mutating func add(_ tensor: Tensor) {
        let empty = Facts.Share(dtype: tensor.dtype, tensors: 0, parameters: 0, bytes: 0)
        shares[tensor.dtype, default: empty].add(tensor)
        let block = finder.block(of: tensor.name)
        if let number = block.number {
            let words = ["layers", "layer", "h", "blocks", "block", "blk"]
            guard ShapeFacts.ends(block.prefix, with: words) else { return }
            stacks[block.prefix, default: Stack()].numbers.insert(number)
            stacks[block.prefix, default: Stack()].tensors += 1
            return
        }
        guard tensor.shape.count == 2 else { return }
        let words = ["embed_tokens", "wte", "word_embeddings", "tok_embeddings", "token_embd", "embed_in", "shared"]
        if ShapeFacts.ends(block.prefix, with: words) {
            vocabulary = vocabulary ?? tensor.shape[0]
            hiddenSize = hiddenSize ?? tensor.shape[1]
        } else if ShapeFacts.ends(block.prefix, with: ["wpe", "position_embeddings", "embed_positions"]) {
            contextLength = contextLength ?? tensor.shape[0]
        }
    }

    /// Whether the last part of a dotted name is one of these.
    private static func ends(_ prefix: ExactText, with words: [String]) -> Bool {
        let last = prefix.string.utf8.reversed().prefix { $0 != UInt8(ascii: ".") }.reversed()
        return words.contains { last.elementsEqual($0.utf8) }
    }
}

extension Facts.Share {
    fileprivate mutating func add(_ tensor: Tensor) {
        tensors += 1
        parameters = parameters.clampedSum(tensor.elements ?? 0)
        bytes = bytes.clampedSum(tensor.byteCount ?? 0)
    }
}
