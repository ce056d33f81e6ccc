import Foundation
import Model
import Platform
import Support
import Testing

@testable import cake

@Suite struct `A model sent down a pipe` {
    private let folder: ModelFolder
    private let tensors = SmallModel(layers: 3).tensors

    init() throws {
        folder = try ModelFolder()
        try folder.write(tensors, "m/model.safetensors")
        try folder.write(SmallModel.config, "m/config.json")
        try folder.write("deep", "m/" + String(repeating: "long name/", count: 20) + "ä.txt")
        #expect(try folder.cake("import", "m").status == 0)
    }

    /// A line for the shell, in the folder; what cake sends is no text.
    private func shell(_ line: String) throws -> Tool {
        try Tool.run(
            "bash", ["-c", "cd '\(folder.path)' && " + line],
            variables: ["CAKE": Tool.cake.path, "CAKE_HOME": folder.store, "LC_ALL": "C.UTF-8"])
    }

    @Test func `is a tar of all its files`() throws {
        let result = try shell("mkdir out && $CAKE export m -o - | tar -x -C out && diff -r m out")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    @Test func `is one file as it is`() throws {
        let result = try shell("$CAKE export m -o - --include config.json | cmp - m/config.json")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    @Test(arguments: ["--include config.json", "", "--format fast", "--format safetensors --single"])
    func `goes to a named pipe as it goes down standard output`(options: String) throws {
        let result = try shell(
            "mkfifo p && $CAKE export m \(options) -o - > want && { cat p > got & } && "
                + "$CAKE export m \(options) -o p && wait && cmp want got && test -p p")
        #expect(result.status == 0, "\(result.output)\(result.errors)")
    }

    @Test func `is a safetensors file alone when it is single, and a tar of smaller ones`() throws {
        let one = try shell(
            "$CAKE export m -o one.safetensors --format safetensors && "
                + "$CAKE export m -o - --format safetensors --single | cmp - one.safetensors")
        #expect(one.status == 0, "\(one.output)\(one.errors)")
        let many = try shell("$CAKE export m -o - --format safetensors --shard-size 500 | tar -t")
        #expect(many.output.contains("model-00001-of-0000"))
        #expect(many.output.contains("model.safetensors.index.json") && many.output.contains("config.json"))
    }

    @Test(.enabled(if: Tool.exists("python3")), arguments: ["", "--one-storage"])
    func `is an archive whose checksums come behind`(option: String) throws {
        let result = try shell("$CAKE export m --format fast \(option) -o - > m.pt && $CAKE verify m.pt")
        #expect(result.output.contains(": intact"), "\(result.errors)")
        let read = try `A fast-load archive, read by Python,`.read(folder.path + "/m.pt")
        for (tensor, bytes) in tensors {
            let digest = SHA256.digest(of: bytes.span).hex
            #expect(read["tensors"]?[tensor.name.string]?["sha256"]?.string == digest)
        }
    }

    @Test func `ends short, with status 11, before a wrong byte is believed`() throws {
        let large = SmallModel(layers: 1, extra: [Tensor(name: "z.large", dtype: .u8, shape: [3_000_000])])
        try folder.write(large.tensors, "big/model.safetensors")
        #expect(try folder.cake("import", "big").status == 0)
        let objects = folder.store + "/objects"
        for path in try FileManager.default.subpathsOfDirectory(atPath: objects) where path.count > 60 {
            let url = URL(filePath: objects + "/" + path)
            var bytes = try Data(contentsOf: url)
            bytes[bytes.count - 60] ^= 255
            try bytes.write(to: url)
        }
        let result = try shell("$CAKE cat big z.large > out; echo $?; stat -c %s out")
        let said = result.output.split(separator: "\n").compactMap { Int($0) }
        #expect(said.first == 11, "\(result.errors)")
        #expect(said.count == 2 && said[1] < 3_000_000)
    }

    @Test func `stops quietly when its reader has gone`() throws {
        let result = try shell("$CAKE export m -o - | head -c 10 > ten; echo ${PIPESTATUS[0]}; stat -c %s ten")
        #expect(result.output == "0\n10\n")
        #expect(result.errors == "")
    }

    @Test func `is one tensor's bytes, or a file, by name`() throws {
        let (tensor, bytes) = tensors[1]
        let result = try shell("$CAKE cat m \(tensor.name) | sha256sum; $CAKE cat m config.json | cmp - m/config.json")
        #expect(result.output.hasPrefix(SHA256.digest(of: bytes.span).hex))
        #expect(result.errors == "")
        let wrong = try folder.cake("cat", "m", "config.jso")
        #expect(wrong.status == 10 && wrong.errors.contains("did you mean config.json?"))
    }
}

@Suite struct `Safetensors of another shape` {
    private let folder: ModelFolder

    init() throws {
        folder = try ModelFolder()
        try folder.write(SmallModel(layers: 12).tensors, "m/model.safetensors")
        try folder.write(SmallModel.config, "m/config.json")
        #expect(try folder.cake("import", "m").status == 0)
    }

    private func tensors(_ path: String) throws -> [Safetensors.Header.Entry] {
        let bytes = try Data(contentsOf: URL(filePath: folder.path + "/" + path))
        let all = Array(bytes)
        let length = try Safetensors.headerLength(prefix: all.span, fileSize: UInt64(all.count))
        let json = Array(all[8..<8 + length])
        return try Safetensors.Header(parsing: json.span, fileSize: UInt64(all.count)).tensors
    }

    @Test func `go through shards and back without a change`() throws {
        let shards = try folder.cake("export", "m", "--format", "safetensors", "--shard-size", "2kB", "-o", "s")
        #expect(shards.status == 0, "\(shards.errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/s")
        #expect(names.count > 4 && names.contains("config.json") && names.contains("model.safetensors.index.json"))
        #expect(try folder.cake("import", "s", "s").status == 0)
        for (model, file) in [("m", "one"), ("s", "two")] {
            let single = try folder.cake("export", model, "--format", "safetensors", "-o", "\(file).safetensors")
            #expect(single.status == 0, "\(single.errors)")
        }
        let fewer = try folder.cake("diff", "m", "s", "--exit-code")
        #expect(fewer.output.contains("37 tensors: 37 same"), "\(fewer.output)")
        #expect(try self.tensors("one.safetensors") == (try self.tensors("two.safetensors")))
        let again = try folder.cake("export", "m", "--format", "safetensors", "--shard-size", "2kB", "-o", "s")
        #expect(again.output.contains("\(names.count) files were there already"), "\(again.output)")
    }

    @Test func `hold some tensors, some of those, and under other names`() throws {
        let words = ["export", "m", "--format", "safetensors", "-o"]
        func export(_ more: String...) throws {
            let line = (words + more).joined(separator: " ")
            let result = try Tool.run(
                "sh", ["-c", "cd '\(folder.path)' && set -f && '\(Tool.cake.path)' \(line)"],
                variables: ["CAKE_HOME": folder.store])
            #expect(result.status == 0, "\(result.errors)")
        }
        try export("part.safetensors", "--layers", "3-4", "--tensors", "*embed*", "--rename", "model.=")
        let part = try tensors("part.safetensors").map(\.tensor.name.string)
        #expect(Set(part).isSuperset(of: ["embed_tokens.weight", "layers.3.mlp.up_proj.weight"]) && part.count == 7)
        #expect(try folder.cake("import", "part.safetensors").status == 0)
        let less = try folder.cake("export", "part", "--format", "safetensors", "--layers", "4", "-o", "l.safetensors")
        #expect(less.status == 0)
        #expect(try tensors("l.safetensors").count == 3)
    }

    @Test func `replace no other file unless that is meant`() throws {
        try folder.write("mine", "one.safetensors")
        let words = ["export", "m", "--format", "safetensors", "-o", "one.safetensors"]
        #expect(try folder.cake(words[0], words[1], words[2], words[3], words[4], words[5]).status == 1)
        #expect(try folder.cake(words[0], words[1], words[2], words[3], words[4], words[5], "-f").status == 0)
    }
}
