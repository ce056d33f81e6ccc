import Model
import Testing

@Suite struct `A ModelPack artifact` {
    private func document(
        _ paths: [String], _ facts: ModelPackFacts = ModelPackFacts()
    ) throws -> (manifest: JSONValue, config: JSONValue) {
        let files = try paths.enumerated().map { number, path in
            try ShapedFiles.file(path, Digest(words: (0, 0, 0, UInt64(number))), size: UInt64(number))
        }
        let shaped = try ModelPackShape.model(Manifest(files: files), facts, hash: sha256)
        guard case .bytes(let config) = shaped.config.plan.pieces[0] else { throw CakeError(.failed, "no config") }
        #expect(shaped.config.descriptor.name == BlobName(sha256(config)))
        return (try JSONValue(parsing: shaped.manifest.span), try JSONValue(parsing: config.span))
    }

    @Test func `is the same for the same files`() throws {
        let files = try ShapedFiles(["config.json": Array("{}\n".utf8)])
        let shaped = try ModelPackShape.model(Manifest(files: files.files), ModelPackFacts(), hash: sha256)
        let digest = "sha256:ca3d163bab055381827226140568f3bef7eaac187cebd76878e0b63e9e442356"
        let config = #"{"descriptor":{},"config":{},"modelfs":{"type":"layers","diffIds":["\#(digest)"]}}"#
        #expect(String(decoding: files.bytes(shaped.config.plan), as: UTF8.self) == config)
        #expect(
            String(decoding: shaped.manifest, as: UTF8.self)
                == #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#
                + #""artifactType":"application/vnd.cncf.model.manifest.v1+json","#
                + #""config":{"mediaType":"application/vnd.cncf.model.config.v1+json","#
                + #""digest":"sha256:\#(sha256(Array(config.utf8)).hex)","size":\#(config.utf8.count)},"#
                + #""layers":[{"mediaType":"application/vnd.cncf.model.weight.config.v1.raw","digest":"\#(digest)","#
                + #""size":3,"annotations":{"org.cncf.model.filepath":"config.json","#
                + #""org.opencontainers.image.title":"config.json"}}]}"#)
    }

    @Test func `has weights first, and a layer for each file`() throws {
        let (manifest, config) = try document([
            "README.md", "LICENSE", "modeling.py", "config.json", "tokenizer.json", "chat_template.jinja",
            "model.safetensors.index.json", "model-00002-of-00002.safetensors", "model-00001-of-00002.safetensors",
            "consolidated.safetensors", "pytorch_model.bin", "onnx/model.onnx", "merges.txt", "vae/model.safetensors",
        ])
        let layers = manifest["layers"]?.array ?? []
        let prefix = "application/vnd.cncf.model."
        let shown = layers.map { layer in
            let type = layer["mediaType"]?.string?.dropFirst(prefix.count).dropLast(".v1.raw".count) ?? ""
            #expect(
                layer["annotations"]?["org.cncf.model.filepath"]
                    == layer["annotations"]?["org.opencontainers.image.title"])
            return "\(type) \(layer["annotations"]?["org.cncf.model.filepath"]?.string ?? "")"
        }
        #expect(
            shown == [
                "weight model-00001-of-00002.safetensors", "weight model-00002-of-00002.safetensors",
                "weight vae/model.safetensors", "weight consolidated.safetensors", "weight pytorch_model.bin",
                "weight onnx/model.onnx", "weight.config chat_template.jinja", "weight.config config.json",
                "weight.config merges.txt", "weight.config model.safetensors.index.json",
                "weight.config tokenizer.json", "doc LICENSE", "doc README.md", "code modeling.py",
            ])
        #expect(config["modelfs"]?["diffIds"]?.array == layers.map { $0["digest"] ?? .null })
        #expect(config["config"]?["format"] == "safetensors")
    }

    @Test func `says what is known of the model, in the words of its format`() throws {
        var facts = ModelPackFacts()
        (facts.name, facts.source, facts.commit) = ("Qwen2-0.5B", "https://huggingface.co/Qwen/Qwen2-0.5B", "c0ffee")
        facts.license = "Apache-2.0"
        let text = #"{"model_type":"qwen2","num_attention_heads":14,"quantization_config":{"quant_method":"awq"}}"#
        facts.config = try JSONValue(parsing: Array(text.utf8).span)
        facts.facts = Facts(
            config: facts.config,
            tensors: [
                Tensor(name: "a", dtype: .bf16, shape: [494, 1000, 1000]),
                Tensor(name: "b", dtype: .f32, shape: [9, 999_999]),
                Tensor(name: "c", dtype: .i64, shape: [3]),
            ])
        let config = try document(["model.safetensors"], facts).config
        #expect(
            config["descriptor"] == [
                "family": "qwen2", "name": "Qwen2-0.5B", "sourceURL": "https://huggingface.co/Qwen/Qwen2-0.5B",
                "revision": "c0ffee", "licenses": ["Apache-2.0"],
            ])
        #expect(
            config["config"] == [
                "architecture": "transformer", "format": "safetensors", "paramSize": "503M",
                "precision": "bfloat16,float32", "quantization": "awq",
            ])
    }

    @Test(
        arguments: [
            (0, nil), (49, nil), (50, "0.1K"), (812, "0.8K"), (960, "1.0K"), (1000, "1.0K"), (7_241_732_096, "7.2B"),
            (144_000_000_000, "144B"), (1_000_000_000_000, "1.0T"),
        ] as [(UInt64, String?)])
    func `says a number of parameters with a unit`(count: UInt64, text: String?) throws {
        var facts = ModelPackFacts()
        facts.facts = Facts(config: nil, tensors: [Tensor(name: "a", dtype: .f32, shape: [count])])
        #expect(try document(["a"], facts).config["config"]?["paramSize"]?.string == text)
    }

    @Test func `is not made of a model without files, nor of more files than a manifest can name`() throws {
        #expect(throws: CakeError.self) { try document([]) }
        let error = #expect(throws: CakeError.self) { try document((0..<16000).map { "folder/of/many/\($0).json" }) }
        #expect(error?.what.contains("too many files") == true)
    }
}
