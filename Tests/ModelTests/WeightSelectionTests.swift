import Model
import Testing

@Suite struct `A choice of weights` {
    private func snapshot(_ paths: [String]) throws -> Snapshot {
        try Snapshot(
            repository: try HubRepository("org/name"), revision: nil, commit: String(repeating: "0", count: 40),
            files: paths.map { SnapshotFile(path: try FilePath($0), size: 1000) })
    }

    private func index(_ files: String...) -> [UInt8] {
        let map = files.enumerated().map { #""tensor.\#($0)":"\#($1)""# }.joined(separator: ",")
        return Array(#"{"metadata":{},"weight_map":{\#(map)}}"#.utf8)
    }

    /// The paths that are taken, of those given.
    private func taken(
        _ paths: String, indexes: [String: [UInt8]] = [:], selection: WeightSelection? = nil
    ) throws -> String {
        var bytes: [FilePath: [UInt8]] = [:]
        for (path, index) in indexes { bytes[try FilePath(path)] = index }
        let snapshot = try snapshot(paths.split(separator: " ").map(String.init))
        let selection = try selection ?? WeightSelection()
        let choice = try selection.choose(from: snapshot, indexes: bytes)
        return choice.files.map(\.path.string).joined(separator: " ")
    }

    @Test(arguments: [
        (
            "README.md config.json model.safetensors pytorch_model.bin tf_model.h5 flax_model.msgpack rust_model.ot",
            "README.md config.json model.safetensors"
        ),
        ("consolidated.safetensors model.safetensors params.json", "model.safetensors params.json"),
        (
            "consolidated.00.pth original/consolidated.00.pth original/params.json model.safetensors",
            "model.safetensors original/params.json"
        ),
        ("model.fp16.safetensors model.safetensors", "model.safetensors"),
        ("a.safetensors b.safetensors c.bin", "a.safetensors b.safetensors"),
        ("model.safetensors other.safetensors", "model.safetensors"),
        (
            "config.json pytorch_model.bin pytorch_model.bin.index.json",
            "config.json pytorch_model.bin pytorch_model.bin.index.json"
        ),
        ("model.safetensors pytorch_model-1.bin pytorch_model.bin.index.json", "model.safetensors"),
        ("m.Q4.gguf m.Q8.gguf", "m.Q4.gguf m.Q8.gguf"), ("m.gguf model.safetensors", "model.safetensors"),
        ("consolidated.safetensors tekken.json", "consolidated.safetensors tekken.json"),
        ("original/consolidated.00.pth x.json", "original/consolidated.00.pth x.json"),
        ("unet/m.fp16.safetensors vae/m.safetensors", "unet/m.fp16.safetensors vae/m.safetensors"),
        (
            "2_Dense/pytorch_model.bin model.safetensors onnx/model.onnx onnx/model.onnx_data",
            "2_Dense/pytorch_model.bin model.safetensors"
        ),
        ("README.md", "README.md"),
    ]) func `has one form of each`(paths: String, expected: String) throws {
        #expect(try taken(paths) == expected)
    }

    @Test func `asks for the indexes of what it means to take, and for no others`() throws {
        let paths = [
            "model.safetensors.index.json", "model-1.safetensors", "consolidated.safetensors.index.json",
            "pytorch_model.bin.index.json", "unet/d.safetensors.index.json", "unet/d-1.safetensors",
            "empty/model.safetensors.index.json", "original/model.safetensors.index.json",
            "x.fp16.safetensors.index.json",
        ]
        let snapshot = try snapshot(paths)
        #expect(
            try WeightSelection().indexes(in: snapshot).map(\.path.string)
                == ["model.safetensors.index.json", "unet/d.safetensors.index.json"])
        #expect(try WeightSelection(.everything).indexes(in: snapshot).isEmpty)
        #expect(try WeightSelection(include: ["*"]).indexes(in: snapshot).isEmpty)
    }

    @Test func `has the files that an index names, in the index's own folder`() throws {
        let name = "model.safetensors.index.json"
        #expect(
            try taken(
                "\(name) a.safetensors b.safetensors old.safetensors",
                indexes: [name: index("a.safetensors", "b.safetensors")])
                == "a.safetensors b.safetensors \(name)")
        #expect(
            try taken(
                "s/\(name) s/a.safetensors s/b.safetensors c.safetensors",
                indexes: ["s/\(name)": index("a.safetensors")])
                == "c.safetensors s/a.safetensors s/\(name)")
        #expect(
            try taken("\(name) a.safetensors model.safetensors c.safetensors", indexes: [name: index("a.safetensors")])
                == "a.safetensors model.safetensors \(name)")
    }

    @Test func `does not hang on an index that lies`() throws {
        let name = "model.safetensors.index.json"
        #expect(
            try taken("\(name) a.safetensors", indexes: [name: index("gone.safetensors")]) == "a.safetensors \(name)")
        #expect(try taken("\(name) a.safetensors", indexes: [name: Array("{".utf8)]) == "a.safetensors \(name)")
        let snapshot = try snapshot([name, "a.safetensors"])
        let choice = try WeightSelection().choose(
            from: snapshot, indexes: [FilePath(name): index("a.safetensors", "gone.safetensors")])
        #expect(choice.missing.map(\.string) == ["gone.safetensors"])
        let broken = try WeightSelection().choose(from: snapshot, indexes: [FilePath(name): index("../x.safetensors")])
        #expect(broken.complaints.count == 1 && broken.files.count == 2)
    }

    @Test func `is everything when everything is asked for`() throws {
        let all = "a.bin b.safetensors consolidated.safetensors m.gguf"
        #expect(try taken(all, selection: WeightSelection(.everything)) == all)
        #expect(
            try taken(all, selection: WeightSelection(.everything, exclude: ["*.gguf"]))
                == "a.bin b.safetensors consolidated.safetensors")
    }

    @Test func `takes a file that is named exactly, and misses one that is not there`() throws {
        let all = "a.bin config.json sub/[x].json"
        let take = { (files: [String]) in try taken(all, selection: WeightSelection(.everything, files: files)) }
        #expect(try take(["config.json", "sub/*"]) == "config.json sub/[x].json")
        let error = try #require(throws: CakeError.self) { try take(["confg.json", "a.bin"]) }
        #expect(error.kind == .notFound && error.what == "org/name has no file \"confg.json\"")
        #expect(error.fix == "did you mean config.json?")
    }

    @Test func `is what globs name, whatever the form`() throws {
        let all = "a.bin b.safetensors sub/c.bin sub/d.json"
        #expect(try taken(all, selection: WeightSelection(include: ["*.bin"])) == "a.bin sub/c.bin")
        #expect(
            try taken(all, selection: WeightSelection(include: ["sub/", "a.*"], exclude: ["*.json"]))
                == "a.bin sub/c.bin")
        #expect(try taken(all, selection: WeightSelection(exclude: ["sub/"])) == "b.safetensors")
        let error = try #require(throws: CakeError.self) { try taken(all, selection: WeightSelection(include: ["x"])) }
        #expect(error.kind == .notFound)
        #expect(throws: CakeError.self) { try WeightSelection(include: ["["]) }
    }

    @Test func `says in one line what it leaves`() throws {
        let few = try WeightSelection().choose(from: try snapshot(["a.bin", "model.safetensors"]))
        #expect(few.note == "left out: a.bin (1.0 kB), other formats of the same weights; --all takes them")
        let many = try WeightSelection().choose(from: try snapshot((1...5).map { "\($0).bin" } + ["model.safetensors"]))
        #expect(many.note?.hasPrefix("left out: 1.bin, 2.bin, 3.bin and 2 more (5.0 kB)") == true)
        #expect(try WeightSelection().choose(from: try snapshot(["a"])).note == nil)
    }
}
