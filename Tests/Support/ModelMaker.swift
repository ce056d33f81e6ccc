import Foundation
public import Model

/// Makes small models from a seed, never committed: files as bytes, and folders of them.
public enum ModelMaker {
    public typealias Files = [String: [UInt8]]

    /// A tensor of `elements` bf16 numbers, seeded.
    public struct Part: Sendable {
        public let tensor: Tensor
        public let bytes: [UInt8]

        public init(_ name: String, bytes count: Int, seed: UInt64, _ texture: Texture = .random) {
            tensor = Tensor(name: ExactText(name), dtype: .bf16, shape: [UInt64(count / 2)])
            bytes = seededBytes(count / 2 * 2, seed: seed, texture)
        }

        public init(_ tensor: Tensor, _ bytes: [UInt8]) {
            self.tensor = tensor
            self.bytes = bytes
        }
    }

    public static func safetensors(_ parts: [Part]) throws -> [UInt8] {
        try Safetensors.header(for: parts.map(\.tensor)) + parts.flatMap(\.bytes)
    }

    /// One large tensor, some small ones (two of them tied), a config and a text: every way a layer can be stored.
    public static func small(seed: UInt64 = 1) throws -> Files {
        let large = Part("model.embed.weight", bytes: (1 << 20) + 4096, seed: seed, .mixed)
        let tied = Part("lm_head.weight", bytes: 3000, seed: seed + 1)
        return [
            "model.safetensors": try safetensors([
                large, tied, Part("model.norm.weight", bytes: 512, seed: 7),
                Part(Tensor(name: "tied", dtype: .bf16, shape: [1500]), tied.bytes),
                Part(Tensor(name: "empty", dtype: .f32, shape: [0, 4]), []),
            ]),
            "config.json": Array("{\"hidden_size\": 64, \"seed\": \(seed)}\n".utf8),
            "extra/notes.txt": Array("notes\n".utf8),
            "empty.txt": [],
        ]
    }

    /// Small tensors only, so that everything lies in packs; those with a number in `changed` differ by `seed`.
    public static func packed(tensors: Int = 4, changed: Range<Int>, seed: UInt64) throws -> Files {
        let parts = (0..<tensors).map { index in
            Part(
                "layers.\(index).weight", bytes: 2048,
                seed: changed.contains(index) ? seed * 1000 + UInt64(index) : UInt64(index))
        }
        return ["model.safetensors": try safetensors(parts)]
    }

    @discardableResult
    public static func write(_ files: Files, to folder: String) throws -> String {
        for (path, bytes) in files {
            let url = URL(filePath: folder).appending(path: path)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data(bytes).write(to: url)
        }
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        return folder
    }

    /// Every file under a folder by its path, hidden ones too, links not followed.
    public static func read(_ folder: String) throws -> Files {
        var files: Files = [:]
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let url = URL(filePath: folder + "/" + path)
            let values = try url.resourceValues(forKeys: [.isRegularFileKey])
            if values.isRegularFile == true { files[path] = Array(try Data(contentsOf: url)) }
        }
        return files
    }
}
