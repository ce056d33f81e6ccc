import Foundation
import Model
import Platform
import Support
import Testing

@testable import cake

/// Python's own zipfile, and a reader with the fewest instructions, read what cake wrote.
@Suite(.enabled(if: Tool.exists("python3"))) struct `A fast-load archive, read by Python,` {
    private static let reader = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../../scripts/lib/archive.py").standardizedFileURL.path

    static func read(_ path: String) throws -> JSONValue {
        let result = try Tool.run("python3", [reader, path])
        #expect(result.status == 0, "\(result.errors)")
        return try ModelFolder.document(result)
    }

    private static func tensor(_ dtype: DType, _ shape: [UInt64], seed: Int) -> (Tensor, [UInt8]) {
        let tensor = Tensor(name: ExactText("t.\(dtype.rawValue).\(shape)"), dtype: dtype, shape: shape)
        let count = Int(tensor.byteCount ?? 0)
        return (tensor, (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ seed) & (dtype == .bool ? 1 : 255) })
    }

    @Test(arguments: [[], ["--one-storage"]]) func `holds every dtype and the model's files`(options: [String]) throws {
        let folder = try ModelFolder()
        var tensors: [(Tensor, [UInt8])] = []
        for (index, dtype) in DType.allCases.enumerated() {
            for shape in [[4, 8], [0, 3], [2, 1, 16]] as [[UInt64]] {
                tensors.append(Self.tensor(dtype, shape, seed: index))
            }
        }
        try folder.write(tensors, "m/model.safetensors")
        try folder.write("{}", "m/config.json")
        try folder.write("{{ messages }}", "m/chat template/ä.jinja")
        try folder.write("junk", "m/pytorch_model.bin")
        #expect(try folder.cake("import", "m").status == 0)
        let arguments = ["export", "m", "--format", "fast", "-o", "m.pt"] + options
        let script = "cd '\(folder.path)' && exec '\(Tool.cake.path)' \(arguments.joined(separator: " "))"
        let exported = try Tool.run("sh", ["-c", script], variables: ["CAKE_HOME": folder.store])
        #expect(exported.status == 0, "\(exported.errors)")
        #expect(exported.errors.contains("left out: pytorch_model.bin"))
        let read = try Self.read(folder.path + "/m.pt")
        let found = try #require(read["tensors"]?.object)
        #expect(found.members.count == tensors.count)
        for (tensor, bytes) in tensors {
            let entry = try #require(found[tensor.name.string])
            #expect(entry["sha256"]?.string == SHA256.digest(of: bytes.span).hex, "\(tensor.name)")
        }
        #expect(read["files"]?.object?.members.map(\.key) == ["chat template/ä.jinja", "config.json"])
        #expect(try folder.cake("verify", "./m.pt").output.contains("every byte is as it should be"))
    }

    @Test func `can have more members than an old zip counts`() throws {
        let folder = try ModelFolder()
        let tensors = (0..<70_000).map { index in
            (Tensor(name: ExactText("t.\(index)"), dtype: .u8, shape: [1]), [UInt8(truncatingIfNeeded: index)])
        }
        try folder.write(tensors, "m/model.safetensors")
        #expect(try folder.cake("import", "m").status == 0)
        #expect(try folder.cake("export", "m", "--format", "fast", "-o", "m.pt").status == 0)
        let script = "import sys, zipfile; print(len(zipfile.ZipFile(sys.argv[1]).namelist()))"
        let result = try Tool.run("python3", ["-c", script, folder.path + "/m.pt"])
        #expect((Int(result.output.dropLast()) ?? 0) > 70_000)
    }

    @Test func `is looked into and compared without being imported`() throws {
        let folder = try ModelFolder()
        try folder.write(SmallModel(layers: 2).tensors, "m/model.safetensors")
        try folder.write(SmallModel.config, "m/config.json")
        #expect(try folder.cake("import", "m").status == 0)
        #expect(try folder.cake("export", "m", "--format", "fast", "-o", "m.pt").status == 0)
        #expect(try folder.cake("export", "m", "--format", "fast", "--layers", "0", "-o", "part.pt").status == 0)
        let (stored, archive) = (try folder.document("inspect", "m"), try folder.document("inspect", "m.pt"))
        for key in ["parameters", "tensor_count", "layers", "model_type", "dtypes", "files"] {
            #expect(archive[key] == stored[key], "\(key)")
        }
        let part = try folder.document("inspect", "./part.pt", "--tensors")
        #expect(part["tensors"]?.array?.isEmpty == false)
        #expect(part["tensors"]?.array?.allSatisfy { $0["digest"]?.string != nil } == true)
        #expect(try folder.cake("diff", "m", "./m.pt", "--exit-code").status == 0)
        let different = try folder.cake("diff", "./part.pt", "m", "--exit-code", "--numeric")
        #expect(different.status == 1, "\(different.errors)")
    }

    @Test func `comes back under the name of its file, and is refused where it is none`() throws {
        let folder = try ModelFolder()
        try folder.write(SmallModel(layers: 2).tensors, "m/model.safetensors")
        #expect(try folder.cake("import", "m").status == 0)
        #expect(try folder.cake("export", "m", "--format", "fast", "-o", "back.pt").status == 0)
        let result = try folder.cake("import", "back.pt", variables: ["CAKE_HOME": folder.path + "/other"])
        #expect(result.output.hasPrefix("imported back "), "\(result.errors)")
        #expect(try folder.cake("verify", "./m/model.safetensors").status == 2)
        #expect(try folder.cake("verify", "./m/nothing").status == 10)
        #expect(try folder.cake("export", "m", "--tensors", "*", "-o", "x").status == 2)
        #expect(try folder.cake("export", "m", "--format", "fast", "--tensors", "none", "-o", "x.pt").status == 10)
    }
}
