import Foundation
import Model
import Support
import Testing

@testable import cake

/// The real program with models that other tools pushed to `cake serve`.
@Suite struct `Commands and the shapes of other tools` {
    private let home: Home
    private let served: Served

    init() throws {
        home = try Home()
        served = try Served(home, "--push", variables: ["CAKE_HOME": home.path("served").path])
        let files = try ModelMaker.packed(changed: 0..<0, seed: 1)
        let weights = try #require(files["model.safetensors"])
        let config = Array(#"{"architectures":["LlamaForCausalLM"],"model_type":"llama"}"#.utf8)
        let text =
            #"{"descriptor":{"name":"small","family":"llama","licenses":["MIT"]},"config":{"format":"safetensors","paramSize":"4K"},"modelfs":{"type":"layers","diffIds":[]}}"#
        try push(
            ShapeMaker(
                ShapeMaker.modelPack,
                [
                    .init(ShapeMaker.weight, path: "model.safetensors", weights),
                    .init(ShapeMaker.settings, path: "config.json", config),
                ], config: text), as: "pack")
        var tar = TarMaker()
        tar.add("models/model.safetensors", weights)
        tar.add("models/config.json", config)
        tar.end()
        try push(ShapeMaker(ShapeMaker.image, [.init(ShapeMaker.tarLayer, tar.bytes)]), as: "image")
    }

    private func push(_ maker: ShapeMaker, as tag: String) throws {
        for blob in maker.layers.map(\.bytes) + [maker.configBytes] {
            let address = "/v2/team/m/blobs/uploads/?digest=sha256:\(ShapeMaker.digest(blob).hex)"
            #expect(try served.ask("POST", address, [], blob).status == 201)
        }
        let put = try served.ask(
            "PUT", "/v2/team/m/manifests/\(tag)", [("Content-Type", maker.mediaType)], maker.manifest)
        #expect(put.status == 201, "\(put.text)")
    }

    private func place(_ tag: String) -> String { "127.0.0.1:\(served.port)/team/m:\(tag)" }

    private func cake(_ words: String...) throws -> String {
        let tool = try home.cake(words)
        #expect(tool.status == 0, "\(words): \(tool.errors)")
        return tool.output
    }

    /// From each shape to each, with the same files.
    @Test func `copy a model into another shape, through the store`() throws {
        let shapes = [("cake", "Layers"), ("modelpack", "ModelPack artifact"), ("image", "image with models/")]
        for from in ["pack", "image"] {
            for (shape, words) in shapes {
                let target = "127.0.0.1:\(served.port)/copied/\(from):\(shape)"
                let said = try cake("copy", place(from), target, "--as", shape)
                #expect(said.contains("pulled ") && said.contains("pushed "), "\(said)")
                #expect(try cake("inspect", target).contains(words), "\(target)")
                #expect(try cake("pull", target, "--as", "\(from)-\(shape)").contains("pulled"))
            }
        }
        let ids = Set(try cake("ls").split(separator: "\n").dropFirst().map { $0.split(separator: " ")[1] })
        #expect(ids.count == 1, "\(ids)")
        let said = Array(try cake("copy", place("pack"), place("again"), "--as", "image", "--json").utf8)
        let document = try JSONValue(parsing: said.span)
        #expect(document["shape"] == "image")
        let dry = try home.cake("copy", place("pack"), place("again"), "--as", "image", "--dry-run")
        #expect(dry.status == 2 && dry.errors.contains("cake pull \(place("pack")) --dry-run"))
    }

    @Test func `say which shape it is, and what is in it`() throws {
        let pack = try cake("inspect", place("pack"))
        for words in [
            "ModelPack artifact, 2 layers", "LlamaForCausalLM", "small, 4K", "MIT", "model.safetensors", "Download",
        ] {
            #expect(pack.contains(words), "\(words) in \(pack)")
        }
        let image = try cake("inspect", place("image"))
        for words in ["image with models/, 1 layer", "1 archive", "files known after a pull"] {
            #expect(image.contains(words), "\(words) in \(image)")
        }
        let document = try JSONValue(parsing: Array(try cake("inspect", place("pack"), "--json").utf8).span)
        #expect(document["shape"]?["kind"] == "modelpack" && document["tensor_count"] == 4)
        let files = try cake("ls-remote", place("pack"))
        #expect(files.contains("config.json") && files.contains("model.safetensors"))
        #expect(try cake("ls-remote", place("image")).contains("files of an archive"))
        #expect(try cake("tags", "127.0.0.1:\(served.port)/team/m").split(separator: "\n").count >= 2)
    }

    @Test func `pull it, and say what it was`() throws {
        let dry = try cake("pull", place("pack"), "--dry-run")
        #expect(dry.contains("for 2 layers, of a ModelPack artifact"), "\(dry)")
        let said = try cake("pull", place("pack"), "m")
        #expect(said.contains("was a ModelPack artifact") && said.contains("2 files"), "\(said)")
        let again = try JSONValue(parsing: Array(try cake("pull", place("image"), "i", "--json").utf8).span)
        #expect(again["shape"] == "image")
        let inspected = try cake("inspect", "i")
        #expect(inspected.contains("Was a") && inspected.contains("image with models/"))
        // The same files are the same model, whatever they came in.
        let list = try JSONValue(parsing: Array(try cake("ls", "--json").utf8).span)
        let models = list.array ?? list["models"]?.array ?? []
        #expect(models.count == 2 && Set(models.map { $0["manifest"]?.string }).count == 1)
        #expect(try cake("ls-remote", place("pack")).contains("yes"))
        #expect(try cake("diff", "m", place("pack")).contains("same"))
    }

    @Test func `say in words what to do instead`() throws {
        let rows = [
            (["verify", place("pack")], "cake pull"), (["diff", place("image"), place("pack")], "cake pull"),
            (["mount", home.path("mnt").path, "--lazy", place("pack")], "cake pull"),
        ]
        for (words, fix) in rows {
            let tool = try home.cake(words)
            #expect(tool.status != 0 && tool.errors.contains(fix), "\(words): \(tool.errors)")
        }
    }

    @Test func `copy it as it is`() throws {
        let copy = "127.0.0.1:\(served.port)/copied/m:v1"
        _ = try cake("copy", place("pack"), copy)
        let (one, two) = try (
            served.ask("GET", "/v2/team/m/manifests/pack"), served.ask("GET", "/v2/copied/m/manifests/v1")
        )
        #expect(one.body == two.body && one.status == 200)
    }
}
