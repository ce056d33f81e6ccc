import Model
import Testing

@Suite struct `The facts of a model` {
    private func facts(_ config: String?, _ tensors: [Tensor] = []) throws -> Facts {
        guard let config else { return Facts(config: nil, tensors: tensors) }
        let bytes = Array(config.utf8)
        return Facts(config: try JSONValue(parsing: bytes.span), tensors: tensors)
    }

    @Test func `come from its config`() throws {
        let facts = try facts(
            """
            {"architectures":["MistralForCausalLM"],"model_type":"mistral","hidden_size":4096,"num_hidden_layers":32,
            "num_attention_heads":32,"num_key_value_heads":8,"vocab_size":32000,"max_position_embeddings":32768}
            """)
        #expect(facts.architectures == ["MistralForCausalLM"])
        #expect(facts.modelType == "mistral")
        #expect(facts.hiddenSize == 4096 && facts.layers == 32 && facts.heads == 32 && facts.keyValueHeads == 8)
        #expect(facts.vocabulary == 32000 && facts.contextLength == 32768 && facts.experts == nil)
    }

    @Test func `come in the words of GPT-2 and from parts of a config`() throws {
        let gpt = try facts(#"{"n_embd":768,"n_layer":12,"n_head":12,"n_positions":1024}"#)
        #expect(gpt.hiddenSize == 768 && gpt.layers == 12 && gpt.heads == 12 && gpt.contextLength == 1024)
        let nested = try facts(#"{"model_type":"x","text_config":{"hidden_size":8,"num_local_experts":4}}"#)
        #expect(nested.hiddenSize == 8 && nested.experts == 4)
    }

    @Test(arguments: [
        "null", "[]", "1", #""x""#, #"{"architectures":"x","model_type":1,"hidden_size":"8"}"#,
        #"{"architectures":[1,null],"hidden_size":-1,"num_hidden_layers":1e3,"text_config":[],"vocab_size":null}"#,
    ])
    func `that a config garbles are not known`(_ config: String) throws {
        let facts = try facts(config)
        #expect(facts.architectures.isEmpty && facts.modelType == nil)
        #expect(facts.hiddenSize == nil && facts.layers == nil && facts.vocabulary == nil)
    }

    @Test func `come from names and shapes without a config`() throws {
        let blocks = (0..<12).map { Tensor(name: ExactText("model.layers.\($0).mlp.w"), dtype: .bf16, shape: [8, 8]) }
        let sight = (0..<3).map { Tensor(name: ExactText("visual.blocks.\($0).w"), dtype: .f32, shape: [2]) }
        let facts = try facts(
            nil,
            sight + blocks + [
                Tensor(name: "model.embed_tokens.weight", dtype: .bf16, shape: [100, 8]),
                Tensor(name: "model.position_embeddings.weight", dtype: .f32, shape: [64, 8]),
            ])
        #expect(facts.layers == 12 && facts.vocabulary == 100 && facts.hiddenSize == 8 && facts.contextLength == 64)
        #expect(facts.tensors == 17)
        #expect(facts.parameters == 12 * 64 + 6 + 800 + 512)
        #expect(facts.bytes == 2 * (12 * 64 + 800) + 4 * (6 + 512))
        #expect(facts.dtypes.map(\.dtype) == [.bf16, .f32])
        #expect(facts.dtypes.map(\.tensors) == [13, 4])
        #expect(facts.dtypes.map(\.parameters) == [1568, 518])
    }

    @Test func `count blocks under the names people give them`() throws {
        for prefix in ["h", "transformer.h", "bert.encoder.layer", "layers", "encoder.block", "blk"] {
            let tensors = (0..<5).map { Tensor(name: ExactText("\(prefix).\($0).w"), dtype: .u8, shape: []) }
            #expect(try facts(nil, tensors).layers == 5)
        }
        #expect(try facts(nil, [Tensor(name: "graph.0.w", dtype: .u8, shape: [])]).layers == nil)
    }

    @Test func `do not overflow and are safe to print`() throws {
        let huge = Tensor(name: "a", dtype: .u8, shape: [.max])
        #expect(try facts(nil, [huge, huge]).parameters == .max)
        #expect(try facts(nil, [Tensor(name: "a", dtype: .f64, shape: [.max, .max])]).parameters == 0)
        let name = String(repeating: "x", count: 5000)
        let facts = try facts(#"{"model_type":"\u001b[2J","architectures":["\#(name)"]}"#)
        #expect(facts.modelType == "\\u{1b}[2J")
        #expect(facts.architectures.first?.count == 100)
    }
}

@Suite struct `A filter of tensors` {
    @Test(arguments: [
        ("*", "", true), ("*", "a.b", true), ("a", "a", true), ("a", "ab", false), ("a", "ba", false),
        ("a*", "a", true),
        ("*.mlp.*", "model.layers.0.mlp.up.weight", true), ("*.mlp.*", "mlp.up", false), ("a*c", "abbc", true),
        ("a*c", "abbcd", false), ("a*b*c", "axbxbxc", true), ("**", "x", true), ("?", "é", true), ("?", "", false),
        ("a?c", "abc", true), ("[a-c]x", "bx", true), ("[a-c]x", "dx", false), ("[!a-c]", "d", true),
        ("[^a-c]", "a", false),
        ("[]]", "]", true), ("[a-]", "-", true), ("[-a]", "-", true), ("layers.[0-3].*", "layers.2.w", true),
        ("layers.[0-3].*", "layers.12.w", false), ("\\*", "*", true), ("\\*", "a", false),
        ("*.weight", "a.weight.weight", true),
        ("/^model\\.layers\\.(1|2)\\./", "model.layers.2.w", true),
        ("/^model\\.layers\\.(1|2)\\./", "model.layers.3.w", false),
        ("/mlp/", "a.mlp.b", true), ("/^mlp$/", "a.mlp", false), ("///", "a/b", true),
    ])
    func `matches`(_ filter: String, _ name: String, _ isMatch: Bool) throws {
        #expect(try TensorFilter(filter).matches(ExactText(name)) == isMatch)
    }

    @Test(arguments: ["", "/", "//", "/a", "/(/", "/[/", "[", "[]", "[a", "[z-a]", "a\\"])
    func `is refused with a remedy or a reason`(_ filter: String) {
        #expect(refusal { () throws(CakeError) in try TensorFilter(filter) }?.kind == .usage)
    }

    /// One that tries all ways to part the name would not end in the time that suites have.
    @Test(.timeLimit(.minutes(15))) func `with many stars ends`() throws {
        let filter = try TensorFilter(String(repeating: "a*", count: 50) + "b")
        let name = ExactText(String(repeating: "a", count: 2000))
        #expect(!filter.matches(name))
    }
}

@Suite struct `A suggestion` {
    private let commands = ["import", "export", "inspect", "diff", "ls", "verify", "gc", "rm", "pull", "push"]

    @Test(
        arguments: [
            ("imprt", "import"), ("improt", "import"), ("dif", "diff"), ("difff", "diff"), ("exprot", "export"),
            ("PULL", "pull"),
            ("pul", "pull"), ("verfy", "verify"), ("sl", "ls"), ("insp", "inspect"), ("list", nil), ("frobnicate", nil),
            ("", nil),
            ("x", nil),
        ] as [(String, String?)])
    func `is the nearest, if any is near`(_ typed: String, _ meant: String?) {
        #expect(Suggestion.nearest(to: typed, among: commands) == meant)
    }

    @Test func `prefers a common beginning and then the alphabet`() {
        #expect(Suggestion.nearest(to: "mistral-7", among: ["gistral-7", "mistral-7b"]) == "mistral-7b")
        #expect(Suggestion.nearest(to: "pulk", among: ["pulm", "pull"]) == "pull")
        #expect(Suggestion.nearest(to: "mistral7b", among: Aliases.names) == "mistral-7b")
    }

    @Test func `is not sought for a page of text`() {
        #expect(Suggestion.nearest(to: String(repeating: "a", count: 10_000), among: commands) == nil)
    }
}

@Suite struct `The built-in aliases` {
    @Test func `name models on the Hub`() {
        #expect(Aliases.hubID(of: "mistral-7b") == "mistralai/Mistral-7B-v0.1")
        #expect(Aliases.hubID(of: "Mistral-7B-Instruct") == "mistralai/Mistral-7B-Instruct-v0.1")
        #expect(Aliases.hubID(of: "gpt2") == "openai-community/gpt2")
        #expect(Aliases.hubID(of: "openai-community/gpt2") == nil)
    }

    @Test func `are spelled so that no other name can mean one`() {
        for name in Aliases.names {
            #expect(name == name.lowercased() && !name.contains("/") && !name.contains("@") && !name.contains(":"))
            #expect(Aliases.hubID(of: name)?.split(separator: "/").count == 2)
        }
        #expect(Aliases.names.count >= 40 && Aliases.names == Aliases.names.sorted())
    }
}
