import Model
import Support
import Testing

private typealias Layer = ShapeMaker.Layer

private let bytes = Array("{}".utf8)

/// A manifest that makes no sense, and the words by which it is refused.
private struct Nonsense: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: String
    let maker: ShapeMaker

    init(
        _ what: String, _ words: String, _ layers: [Layer], config: String? = nil,
        _ change: (inout ShapeMaker) -> Void = { _ in }
    ) {
        self.init(what, words, ShapeMaker.modelPack, layers, config: config, change)
    }

    init(
        _ what: String, _ words: String, _ type: String, _ layers: [Layer], config: String? = nil,
        _ change: (inout ShapeMaker) -> Void = { _ in }
    ) {
        (testDescription, self.words) = (what, words)
        var maker = ShapeMaker(type, layers, config: config)
        change(&maker)
        self.maker = maker
    }
}

private let file = Layer(ShapeMaker.weight, path: "model.safetensors", bytes)

private let nonsense: [Nonsense] = [
    Nonsense("a layer of an unknown type", "application/x-secret", [Layer("application/x-secret", path: "a", bytes)]),
    Nonsense("a compressed raw layer", "does not know", [Layer(ShapeMaker.weight + "+gzip", path: "a", bytes)]),
    Nonsense(
        "a layer of Docker's in a ModelPack", "does not know",
        [Layer("application/vnd.docker.ai.safetensors", path: "a", bytes)]),
    Nonsense("a file without a name", "has no name", [Layer(ShapeMaker.weight, bytes)]),
    Nonsense("a path with a control character", "control character", [Layer(ShapeMaker.weight, path: "a\u{1}", bytes)]),
    Nonsense("a path that climbs", "not allowed", [Layer(ShapeMaker.weight, path: "../a", bytes)]),
    Nonsense("a path that climbs later", "not allowed", [Layer(ShapeMaker.weight, path: "a/../../b", bytes)]),
    Nonsense("an absolute path", "absolute", [Layer(ShapeMaker.weight, path: "/etc/passwd", bytes)]),
    Nonsense("an empty path", "is empty", [Layer(ShapeMaker.weight, path: "", bytes)]),
    Nonsense("two files of one path", "the same file", [file, file]),
    Nonsense(
        "two files that are one on some disks", "the same file",
        [file, Layer(ShapeMaker.weight, path: "MODEL.safetensors", bytes)]),
    Nonsense(
        "a file in the place of a folder", "needs a folder",
        [file, Layer(ShapeMaker.weight, path: "model.safetensors/a", bytes)]),
    Nonsense(
        "two paths of one layer", "twice",
        [Layer(ShapeMaker.weight, bytes, [("org.cncf.model.filepath", "a"), ("org.cncf.model.filepath", "b")])]),
    Nonsense("a layer of 2^60 bytes", "limit", [file]) { $0.layers[0].claimedSize = 1 << 60 },
    Nonsense(
        "layers of too many bytes together", "limit", (0..<300).map { Layer(ShapeMaker.weight, path: "\($0)", bytes) }
    ) {
        for index in $0.layers.indices { $0.layers[index].claimedSize = 1 << 48 }
    },
    Nonsense("too many layers", "the limit is 10000", Array(repeating: file, count: 10_001)),
    Nonsense("a layer on another server", "another server", [file]) { $0.layers[0].isElsewhere = true },
    Nonsense("no layers", "no layers with files", []),
    Nonsense("a config that is no JSON", "JSON", [file], config: "{"),
    Nonsense("a config that is no object", "no object", [file], config: "[]"),
    Nonsense(
        "a config of Docker's in a ModelPack", "of another kind", [file],
        config: #"{"config":{},"rootfs":{"type":"rootfs","diff_ids":[]}}"#),
    Nonsense(
        "a config of a ModelPack in Docker's", "of another kind", ShapeMaker.docker2,
        [Layer("application/vnd.docker.ai.safetensors", path: "a", bytes)], config: #"{"modelfs":{"type":"layers"}}"#),
    Nonsense(
        "a config of an image in a ModelKit", "of another kind", ShapeMaker.kit,
        [Layer("application/vnd.kitops.modelkit.model.v1.tar", bytes)], config: #"{"rootfs":{}}"#),
    Nonsense("a config that names other bytes", "do not belong together", [file]) { $0.plainDigests = [.empty] },
    Nonsense(
        "a config that says another format", "the files are safetensors", [file],
        config: #"{"config":{"format":"gguf"},"modelfs":{}}"#),
    Nonsense("a manifest that calls itself something else", "calls itself", [file]) {
        $0.artifactType = "application/vnd.docker.ai.model"
    },
    Nonsense(
        "an image that calls itself a ModelPack", "calls itself", ShapeMaker.image, [Layer(ShapeMaker.tarLayer, bytes)]
    ) {
        $0.artifactType = "application/vnd.cncf.model.manifest.v1+json"
    },
    Nonsense(
        "an image with fewer layers in its config", "lists 0 layers, and the manifest 1", ShapeMaker.image,
        [Layer(ShapeMaker.tarLayer, bytes)]
    ) { $0.plainDigests = [] },
    Nonsense(
        "an image for Windows", "windows", ShapeMaker.image, [Layer(ShapeMaker.tarLayer, bytes)],
        config: #"{"os":"windows","rootfs":{"diff_ids":["sha256:\#(Digest.empty.hex)"]}}"#),
    Nonsense(
        "an image with a layer of a model", "does not know", ShapeMaker.image,
        [Layer(ShapeMaker.weight, path: "a", bytes)]),
    Nonsense(
        "a Docker file without a name", "has no name", ShapeMaker.docker2,
        [Layer("application/vnd.docker.ai.model.file", bytes)]),
]

@Suite struct `A model that another tool pushed` {
    @Test(arguments: nonsense) fileprivate func `is refused in words when it makes no sense`(_ one: Nonsense) throws {
        let error = #expect(throws: CakeError.self) { try one.maker.read() }
        #expect(error?.what.contains(one.words) == true, "\(error?.what ?? "")")
    }

    private func paths(_ maker: ShapeMaker) throws -> [String] {
        try #require(try maker.read()).files.map(\.path.string)
    }

    @Test func `is a ModelPack with any of its types, by its older names too`() throws {
        var seen = 0
        for vendor in ["cncf", "cnai"] {
            for base in ["weight", "weight.config", "doc", "code", "dataset"] {
                let prefix = "application/vnd.\(vendor).model.\(base).v1."
                var maker = ShapeMaker(
                    "application/vnd.\(vendor).model.config.v1+json",
                    [Layer(prefix + "raw", bytes, [("org.\(vendor).model.filepath", "./sub/a")])], config: "{}")
                #expect(try paths(maker) == ["sub/a"])
                for form in ["tar", "tar+gzip", "tar+zstd"] {
                    maker.layers = [Layer(prefix + form, bytes)]
                    let model = try #require(try maker.read())
                    #expect(model.shape == .modelPack && model.archives.map(\.content) == [.tar(in: nil)])
                    seen += 1
                }
            }
        }
        #expect(seen == 30)
        let own = ["gguf", "safetensors"].map {
            Layer("application/vnd.cncf.model.weight.v1.\($0)", path: "m.\($0)", bytes)
        }
        #expect(try paths(ShapeMaker(ShapeMaker.modelPack, own)) == ["m.gguf", "m.safetensors"])
        // A title is a name, too; KitOps' own file is none of the model's.
        let titled = [
            Layer(ShapeMaker.weight, bytes, [("org.opencontainers.image.title", "t")]),
            Layer("application/vnd.kitops.modelkit.config.v1+json", bytes),
        ]
        #expect(try paths(ShapeMaker(ShapeMaker.modelPack, titled)) == ["t"])
    }

    @Test func `says what its config says`() throws {
        let config = #"""
            {"descriptor":{"name":"n","family":"qwen2","licenses":["MIT"]},"config":{"format":"safetensors","architecture":"transformer",
            "paramSize":"6.7B","precision":"bfloat16","quantization":"awq"},"modelfs":{"type":"layers","diffIds":["x"]}}
            """#
        let facts = try #require(try ShapeMaker(ShapeMaker.modelPack, [file], config: config).read()).facts
        #expect(facts.name == "n" && facts.family == "qwen2" && facts.license == "MIT" && facts.format == "safetensors")
        #expect(facts.architecture == "transformer" && facts.parameters == "6.7B" && facts.precision == "bfloat16")
    }

    @Test func `is Docker's, with its own names for files that have none`() throws {
        func layer(_ type: String, _ content: String) -> Layer {
            Layer("application/vnd.docker.ai.\(type)", Array(content.utf8))
        }
        let shards = [
            layer("safetensors", "1"), layer("safetensors", "2"), layer("license", "l"),
            layer("chat.template.jinja", "j"), layer("mmproj", "p"), layer("vllm.config.tar", "t"),
        ]
        let model = try #require(try ShapeMaker(ShapeMaker.docker1, shards).read())
        #expect(
            model.files.map(\.path.string) == [
                "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "LICENSE", "template.jinja",
                "model.mmproj",
            ])
        #expect(model.archives.map(\.content) == [.tar(in: nil)])
        #expect(try paths(ShapeMaker(ShapeMaker.docker1, [layer("gguf.v3", "g")])) == ["model.gguf"])
        let named = [Layer("application/vnd.docker.ai.model.file", path: "sub/config.json", bytes)]
        #expect(try paths(ShapeMaker(ShapeMaker.docker2, named)) == ["sub/config.json"])
    }

    @Test func `is a ModelKit, whose file says where older layers lie`() throws {
        let (new, old) = (Array("new".utf8), Array("old".utf8))
        let digest = ShapeMaker.digest(new)
        let config = #"""
            {"manifestVersion":"1.0.0","package":{"name":"kit"},"model":{"path":"./weights/m.gguf","digest":"sha256:\#(digest.hex)"},
            "docs":[{"path":"./docs/a/README.md"}],"code":[{"path":"."}]}
            """#
        let prefix = "application/vnd.kitops.modelkit."
        let layers = [
            Layer(prefix + "model.v1.tar+gzip", new), Layer(prefix + "docs.v1.tar", old),
            Layer(prefix + "code.v1.tar+zstd", bytes), Layer(prefix + "dataset.v1.raw", path: "d.csv", bytes),
        ]
        let model = try #require(try ShapeMaker(ShapeMaker.kit, layers, config: config).read())
        let contents = model.layers.map(\.content)
        #expect(
            contents == [
                .tar(in: nil), .tar(in: try FilePath("docs/a")), .tar(in: nil), .file(try FilePath("d.csv")),
            ])
        #expect(model.facts.name == "kit" && model.parent == nil)
        let parent = #"{"model":{"path":"ghcr.io/org/base:v1"}}"#
        let tune = try #require(
            try ShapeMaker(ShapeMaker.kit, [Layer(prefix + "docs.v1.tar", old)], config: parent).read())
        #expect(tune.parent == "ghcr.io/org/base:v1")
    }

    @Test func `is not what has another config`() throws {
        #expect(try ShapeMaker("application/vnd.oci.empty.v1+json", [file]).read() == nil)
        #expect(try ShapeMaker(ModelArtifact.configType, [file]).read() == nil)
    }

    @Test func `is chosen from a list for Linux and this machine, else if it is the only one`() throws {
        func chosen(_ entries: [String], for architecture: String = "amd64") throws -> UInt64? {
            let text = Array(
                #"{"schemaVersion":2,"mediaType":"\#(RegistryManifest.index)","manifests":[\#(entries.joined(separator: ","))]}"#
                    .utf8)
            let index = try ForeignIndex(RegistryManifest(parsing: text.span), in: text.span)
            return try index?.chosen(for: architecture).size
        }
        func entry(_ number: Int, _ platform: String?) -> String {
            let digest = RawModel.digest(UInt64(number)).hex
            let platform = platform.map { name in
                let parts = name.split(separator: "/")
                return #","platform":{"os":"\#(parts[0])","architecture":"\#(parts[1])"}"#
            }
            return
                #"{"mediaType":"\#(RegistryManifest.image)","digest":"sha256:\#(digest)","size":\#(number)\#(platform ?? "")}"#
        }
        let both = [entry(1, "linux/arm64"), entry(2, "linux/amd64"), entry(3, "unknown/unknown")]
        #expect(try chosen(both) == 2 && chosen(both, for: "arm64") == 1)
        #expect(try chosen([entry(1, "linux/arm64"), entry(3, "unknown/unknown")]) == 1)
        #expect(try chosen([entry(1, nil)]) == 1)
        let error = #expect(throws: CakeError.self) {
            try chosen([entry(1, "linux/arm64"), entry(2, "windows/amd64")])
        }
        #expect(error?.what.contains("linux/arm64, windows/amd64") == true)
        #expect(throws: CakeError.self) { try chosen([entry(3, "unknown/unknown")]) }
        let plain = Array(#"{"schemaVersion":2,"layers":[]}"#.utf8)
        #expect(try ForeignIndex(RegistryManifest(parsing: plain.span), in: plain.span) == nil)
    }
}
