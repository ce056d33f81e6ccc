import Foundation
import Hub
import Model
import Platform
import Support
import Testing

@testable import cake

@Suite(.serialized) struct `A model that passes from the Hub` {
    private let home: Home
    private let hub: Hub
    private let shelf: HubFolder
    private let parts: [ModelMaker.Part]
    private let files: ModelMaker.Files

    init() throws {
        home = try Home()
        shelf = try HubFolder()
        parts = [
            .init("a", bytes: 9 << 20, seed: 1, .mixed), .init("b", bytes: 5 << 20, seed: 2, .mixed),
            .init("small", bytes: 512, seed: 3),
            .init(Tensor(name: "none", dtype: .f32, shape: [0, 4]), []),
            .init("c", bytes: 3 << 20, seed: 4), .init("d", bytes: 70_000, seed: 5),
        ]
        files = [
            "model-00001-of-00002.safetensors": try ModelMaker.safetensors(Array(parts[..<4])),
            "model-00002-of-00002.safetensors": try ModelMaker.safetensors(Array(parts[4...])),
            "config.json": Array("{}\n".utf8), "empty.txt": [], "tokenizer/vocab.txt": seededBytes(100_000, seed: 8),
        ]
        try shelf.write("org/model", files)
        try ModelMaker.write(files, to: home.path("m").path)
        hub = try Hub(serving: shelf.path, HubSettings())
        hub.readAll()
    }

    private func shell(_ line: String) throws -> Tool {
        try Tool.run(
            "bash", ["-c", "cd '\(home.folder.path)' && \(line)"],
            variables: [
                "HOME": home.folder.path, "CAKE": Tool.cake.path, "HF_ENDPOINT": hub.endpoint, "LC_ALL": "C.UTF-8",
            ])
    }

    private func comes(_ line: String, at place: SourceLocation = #_sourceLocation) throws {
        let result = try shell("set -o pipefail; " + line)
        #expect(result.status == 0, "\(result.output)\(result.errors)", sourceLocation: place)
    }

    private func size(_ name: String) throws -> UInt64 {
        try #require(try Disk.status(home.path(name).path)).size
    }

    @Test func `is a tar of its files, or one file as it is, and leaves nothing on the disk`() throws {
        try comes("mkdir out && $CAKE stream hf://org/model | tar -x -C out && diff -r m out")
        try comes("$CAKE stream org/model model-00001-of-00002.safetensors | cmp - m/model-00001-of-00002.safetensors")
        try comes("$CAKE stream hf://org/model/tokenizer/vocab.txt | cmp - m/tokenizer/vocab.txt")
        try comes("$CAKE stream org/model empty.txt | cmp - m/empty.txt")
        #expect(!FileManager.default.fileExists(atPath: home.store.path))
    }

    @Test(.enabled(if: Tool.exists("python3"))) func `is an archive whose tensors and files are the Hub's`() throws {
        try comes("$CAKE stream org/model --format fast > m.pt")
        let read = try `A fast-load archive, read by Python,`.read(home.path("m.pt").path)
        for part in parts {
            let found = read["tensors"]?[part.tensor.name.string]?["sha256"]?.string
            let wanted = SHA256.digest(of: part.bytes.span).hex
            #expect(found == wanted, "\(part.tensor.name)")
        }
        #expect(read["order"]?.array?.count == parts.count)
        for path in ["config.json", "empty.txt", "tokenizer/vocab.txt"] {
            let bytes = files[path] ?? [1]
            let wanted = SHA256.digest(of: bytes.span).hex
            #expect(read["files"]?[path]?.string == wanted, "\(path)")
        }
        let verified = try shell("$CAKE verify ./m.pt")
        #expect(verified.output.contains("every byte is as it should be"), "\(verified.errors)")
        try comes("$CAKE import m.pt back && $CAKE export back -o out && diff -r m out")
        let size = try size("m.pt")
        for byte in [100, size / 2, size - 200, size - 20] {
            var bytes = Array(try Data(contentsOf: home.path("m.pt")))
            bytes[Int(byte)] ^= 1
            try Data(bytes).write(to: home.path("bent.pt"))
            #expect(try shell("$CAKE verify ./bent.pt").status != 0, "byte \(byte)")
        }
    }

    @Test func `takes no more connections and no more of the line than the settings say`() throws {
        try comes("$CAKE config max-workers 1 && $CAKE config limit-rate 1TB && $CAKE stream org/model | tar -t")
        let slow = try shell("sed -i s/1TB/nonsense/ .config/cake/config; $CAKE stream org/model > out")
        #expect(slow.status == 2, "\(slow.errors)")
    }

    @Test func `comes whole over connections that are cut, refused, or bring no ranges`() throws {
        let line = "$CAKE stream org/model --max-workers 5"
        hub.misbehave(.cut(afterBytes: 1_500_000), when: .cdn().times(6))
        try comes("mkdir cut && \(line) | tar -x -C cut && diff -r m cut")
        hub.misbehave(.answer(503), when: .cdn().times(3))
        try comes("mkdir busy && \(line) | tar -x -C busy && diff -r m busy")
        hub.misbehave(.ignoreRange, when: .cdn(endingIn: "00001-of-00002.safetensors"))
        hub.misbehave(
            .cut(afterBytes: 6_000_000), when: .cdn(endingIn: "00001-of-00002.safetensors").skipping(1).times(1))
        try comes("mkdir whole && \(line) | tar -x -C whole && diff -r m whole")
    }

    @Test(arguments: [100, 1_048_576, 9_437_184, 14_680_564] as [UInt64], ["", "--format fast"])
    func `ends short, with status 11, when a byte is wrong`(byte: UInt64, option: String) throws {
        let name = "model-00001-of-00002.safetensors"
        hub.misbehave(.flip(atByte: byte), when: .cdn(endingIn: name))
        let file = option.isEmpty ? name : ""
        let result = try shell("$CAKE stream org/model \(file) \(option) > out; echo $?")
        #expect(result.output == "11\n", "\(result.errors)")
        let whole = UInt64(files[name]?.count ?? 0)
        if option.isEmpty {
            #expect(try size("out") == whole - (64 << 10))
            #expect(result.errors.contains("the stream ends early"))
        } else {
            #expect(try size("out") < whole + (1 << 20))
        }
    }

    @Test func `goes to a named pipe, and to no file`() throws {
        try comes("mkfifo p; cat p > got & $CAKE stream org/model config.json -o p && wait && cmp got m/config.json")
        let file = try shell("touch f; $CAKE stream org/model config.json -o f; echo $?; $CAKE stream org/model -o new")
        #expect(file.output == "2\n" && file.errors.contains("is not a named pipe"))
        #expect(file.status != 0 && file.errors.contains("mkfifo"))
        #expect(try size("f") == 0)
    }

    @Test func `stops quietly when its reader has gone`() throws {
        let result = try shell("$CAKE stream org/model | head -c 10 > ten; echo ${PIPESTATUS[0]}; stat -c %s ten")
        #expect(result.output == "0\n10\n" && result.errors == "")
    }

    @Test func `sends nothing of a model that may not be read`() throws {
        hub.misbehave(.answer(403), when: .path(endingIn: "00002-of-00002.safetensors"))
        let result = try shell("$CAKE stream org/model > out; echo $?")
        #expect(result.output == "15\n", "\(result.errors)")
        #expect(try size("out") == 0)
    }
}
