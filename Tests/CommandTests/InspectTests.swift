import Foundation
import Model
import Support
import Testing

@testable import cake

private let widths: [Int?] = [40, 80, 120, nil]

private func sections(_ draw: (Int?) -> [String]) -> [String] {
    widths.flatMap { width in [width.map { "== \($0) columns" } ?? "== a pipe"] + draw(width) }
}

@Suite struct `What a model is` {
    private let inspection: Inspection = {
        func tensor(_ name: ExactText, _ dtype: DType, _ shape: [UInt64]) -> Tensor {
            Tensor(name: name, dtype: dtype, shape: shape)
        }
        let tensors =
            [tensor("model.embed_tokens.weight", .bf16, [32_000, 4096])]
            + (0..<32).flatMap { layer in
                [
                    tensor(ExactText("model.layers.\(layer).self_attn.q_proj.weight"), .bf16, [4096, 4096]),
                    tensor(ExactText("model.layers.\(layer).input_layernorm.weight"), .f32, [4096]),
                ]
            } + [tensor("evil\u{1b}[2J\n.weight", .f32, [])]
        let config: JSONValue = [
            "architectures": ["MistralForCausalLM"], "model_type": "mistral\u{1b}[31m", "num_attention_heads": 32,
            "num_key_value_heads": 8, "max_position_embeddings": 32_768,
        ]
        let paths = ["config.json", "model-00001-of-00001.safetensors", "tokenizer.json"]
        let files = paths.enumerated().compactMap { index, path in
            (try? FilePath(path)).map {
                Inspection.File(path: $0, size: 571 << UInt64(index * 11), tensors: index == 1 ? 66 : 0)
            }
        }
        var record = NameRecord(manifest: .empty)
        record.time = 1_000_000
        record.isPinned = true
        let name = try? ModelName("mistral-7b")
        return Inspection(
            title: "mistral-7b", named: name.map { Inspection.Named(name: $0, record: record) }, path: nil,
            source: "hf://mistralai/Mistral-7B-v0.1", revision: "main",
            commit: "26bca36bde8333b5d7f72e9ed20ccda6a618af24", facts: Facts(config: config, tensors: tensors),
            baseModel: "mistralai/Mistral-7B", files: files, size: 14_500_000_000,
            tensors: tensors.map { Inspection.Row(tensor: $0, file: files[1].path, digest: .empty) })
    }()

    private var drawing: InspectionDrawing { InspectionDrawing(inspection: inspection, now: 1_000_000 + 3 * 86_400) }

    @Test func `looks as it should at every width`() throws {
        try Golden.check(sections { drawing.lines(width: $0, style: Style(isOn: false)) }, "inspect")
        let rows = inspection.rows(matching: try TensorFilter("/layers\\.1\\.|evil/"))
        try Golden.check(
            sections { drawing.tensorLines(rows, width: $0, style: Style(isOn: false)) }, "inspect-tensors")
    }

    @Test func `fits every width, and obeys no stranger`() {
        for width in 20...140 {
            let lines = drawing.lines(width: width, style: Style(isOn: false))
            #expect(lines.allSatisfy { TextWidth.of($0) <= width }, "\(width)")
            #expect(!lines.joined().contains("\u{1b}"))
        }
    }

    @Test func `is the same from the store, the folder and the file, but for digests`() throws {
        let folder = try ModelFolder()
        try folder.write(SmallModel().tensors, "small/model.safetensors")
        try folder.write(SmallModel.config, "small/config.json")
        try folder.write("---\nlicense: mit\nbase_model:\n- org/base\n---\n# A card\n", "small/README.md")
        #expect(try folder.cake("import", "small", "small").status == 0)
        let stored = try ModelFolder.document(try folder.cake("inspect", "small", "--json", "--tensors"))
        let local = try ModelFolder.document(try folder.cake("inspect", "./small", "--json", "--tensors"))
        let file = try ModelFolder.document(
            try folder.cake("inspect", "small/model.safetensors", "--json", "--tensors"))
        for document in [stored, local] {
            #expect(document["architectures"] == ["MistralForCausalLM"])
            #expect(document["base_model"] == "org/base")
            #expect(document["heads"] == 4)
        }
        for document in [stored, local, file] {
            #expect(document["layers"] == 32)
            #expect(document["tensor_count"] == 97)
            #expect(document["tensors"]?.array?.count == 97)
        }
        #expect(stored["tensors"]?.array?.allSatisfy { $0["digest"]?.string?.utf8.count == 64 } == true)
        #expect(file["tensors"]?.array?.allSatisfy { $0["digest"] == nil } == true)
        #expect(stored["name"] == "small" && local["path"] == "./small")
    }

    @Test func `is told of a damaged file with what is wrong, and status 11`() throws {
        let folder = try ModelFolder()
        var bytes = try Safetensors.header(for: [Tensor(name: "w", dtype: .f32, shape: [4])])
        bytes += [UInt8](repeating: 0, count: 15)
        try folder.write(bytes, "short.safetensors")
        let result = try folder.cake("inspect", "short.safetensors")
        #expect(result.status == 11 && result.output == "")
        #expect(result.errors.contains("short.safetensors: tensor \"w\" ends at 16 of the data"))
        try folder.write("no header", "folder/deep/x.safetensors")
        let inFolder = try folder.cake("inspect", "./folder")
        #expect(inFolder.status == 11 && inFolder.errors.contains("deep/x.safetensors: "))
    }

    @Test func `is found in a download cache, whose links lead elsewhere`() throws {
        let folder = try ModelFolder()
        let repository = "hub/models--org--name"
        try folder.write(SmallModel(layers: 5).tensors, repository + "/blobs/1234")
        try folder.write("abc123def", repository + "/refs/main")
        try folder.write("", repository + "/snapshots/abc123def/empty.txt")
        let link = folder.path + "/" + repository + "/snapshots/abc123def/model.safetensors"
        try FileManager.default.createSymbolicLink(atPath: link, withDestinationPath: "../../blobs/1234")
        for path in ["./hub", repository, repository + "/snapshots/abc123def"] {
            let document = try ModelFolder.document(try folder.cake("inspect", path, "--json"))
            #expect(document["source"] == "hf://org/name" && document["commit"] == "abc123def", "\(path)")
            #expect(document["revision"] == "main" && document["layers"] == 5, "\(path)")
        }
        let home = try folder.cake("inspect", "~/\(repository)/blobs/1234", "--json", variables: ["HOME": folder.path])
        #expect(try ModelFolder.document(home)["layers"] == 5)
        let text = try folder.cake("inspect", repository + "/refs/main")
        #expect(text.status == 10 && text.errors.contains("write ./hub"))
        #expect(try folder.cake("inspect", "./" + repository + "/refs/main").errors.contains("only safetensors files"))
    }

    @Test func `is read from the header alone`() throws {
        let folder = try ModelFolder()
        let size: UInt64 = 1 << 40
        try folder.write(try Safetensors.header(for: [Tensor(name: "w", dtype: .u8, shape: [size])]), "big.safetensors")
        let file = try FileHandle(forWritingTo: URL(filePath: folder.path + "/big.safetensors"))
        try file.truncate(atOffset: try file.seekToEnd() + size)
        let result = try folder.cake("inspect", "big.safetensors")
        #expect(result.status == 0 && result.output.contains("1.1 T in 1 tensor"))
    }
}

@Suite struct `A word that names a model` {
    private func folder() throws -> ModelFolder {
        let folder = try ModelFolder()
        try folder.write(SmallModel(layers: 1).tensors, "one/model.safetensors")
        try folder.write(SmallModel(layers: 2).tensors, "two.safetensors")
        return folder
    }

    private func layers(_ word: String, _ folder: ModelFolder) throws -> JSONValue? {
        try ModelFolder.document(try folder.cake("inspect", word, "--json"))["layers"]
    }

    @Test func `is a name in the store before a folder, and an existing safetensors file before a name`() throws {
        let folder = try folder()
        try folder.write(SmallModel(layers: 3).tensors, "other/model.safetensors")
        #expect(try folder.cake("import", "other", "team/one").status == 0)
        #expect(try folder.cake("import", "other", "two.safetensors").status == 0)
        try folder.write(SmallModel(layers: 4).tensors, "team/one/model.safetensors")
        #expect(try layers("team/one", folder) == 3)
        #expect(try layers("./team/one", folder) == 4)
        #expect(try layers("team/one/", folder) == 4)
        #expect(try layers("two.safetensors", folder) == 2)
        #expect(try folder.cake("rm", "team/one").status == 0)
        #expect(try layers("team/one", folder) == 4)
    }

    @Test func `that fits nothing gets advice`() throws {
        let folder = try folder()
        let empty = try folder.cake("inspect", "onne")
        #expect(empty.status == 10 && empty.errors.contains("there is no store in \(folder.store)"))
        #expect(try folder.cake("inspect", "one").errors.contains("write ./one"))
        #expect(try folder.cake("import", "one").status == 0)
        #expect(try folder.cake("inspect", "onne").errors.contains("did you mean one?"))
        #expect(try folder.cake("inspect", "x.safetensors").errors.contains("no file x.safetensors"))
        #expect(try folder.cake("inspect", "./nowhere").status == 10)
        let evil = try folder.cake("inspect", "a\u{1b}[2J")
        #expect(evil.status == 10 && !evil.errors.contains("\u{1b}"))
        #expect(try folder.cake("inspect", String(repeating: "x", count: 5000)).status == 10)
        let odd = try folder.cake("inspect", "one", "--tensors", "[")
        #expect(odd.status == 2 && odd.errors.contains("not a set"))
    }
}

@Suite struct `A card` {
    @Test(
        arguments: [
            ("---\nbase_model: org/base\n---\n", "org/base"), ("---\nbase_model: \"org/base\"\n---\n", "org/base"),
            ("---\na: b\nbase_model:\n  - 'org/base'\n  - org/two\n---\n", "org/base"),
            ("---\nbase_model: [org/base, org/two]\n---\n", "org/base"),
            ("---\r\nbase_model: org/base\r\n---\r\n", "org/base"),
            ("base_model: org/base\n", nil), ("---\n---\nbase_model: org/base\n", nil),
            ("---\nbase_model:\n---\n", nil),
            ("---\nbase_model: a model of mine\n---\n", nil), ("", nil),
        ] as [(String, String?)])
    func `says what a model was made from, where it is a card`(text: String, base: String?) {
        let bytes = Array(text.utf8)
        #expect(ModelCard.baseModel(in: bytes.span) == base)
    }
}

@Suite struct `Numbers in words` {
    @Test(arguments: [
        (-5, "just now"), (0, "just now"), (59, "just now"), (60, "1 minute"), (3599, "59 minutes"), (3600, "1 hour"),
        (86_400, "1 day"), (13 * 86_400, "13 days"), (14 * 86_400, "2 weeks"), (63 * 86_400, "2 months"),
        (729 * 86_400, "24 months"), (730 * 86_400, "2 years"),
    ]) func `say an age as people do`(seconds: Int, words: String) {
        #expect(Quantities.age(.seconds(seconds)) == words)
    }

    @Test(arguments: [
        (0, "0"), (1, "1"), (0.5, "0.5"), (0.03125, "0.0313"), (12.5, "12.5"), (999.6, "1000"), (123_456, "123000"),
        (1e7, "1e7"), (1.22e-7, "1.22e-7"), (0.00012, "0.00012"), (-2.5, "-2.5"), (.infinity, "inf"), (9.999, "10"),
        (.leastNonzeroMagnitude, "4.94e-324"),
    ]) func `have three digits that count`(value: Double, text: String) {
        #expect(Quantities.number(value) == text)
    }
}
