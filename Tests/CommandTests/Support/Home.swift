import Foundation
import Model
import Support

@testable import cake

/// A stranger's home: a folder of its own with nothing in it, gone when the test ends.
final class Home {
    let folder: URL

    init() throws {
        folder = FileManager.default.temporaryDirectory.appending(path: "cake-home-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    var store: URL { path(".local/share/cake") }

    func path(_ name: String) -> URL { folder.appending(path: name) }

    @discardableResult
    func cake(_ words: String..., variables: [String: String] = [:]) throws -> Tool {
        try cake(words, variables: variables)
    }

    @discardableResult
    func cake(_ words: [String], variables: [String: String] = [:]) throws -> Tool {
        try Tool.run(Tool.cake, words, variables: ["HOME": folder.path].merging(variables) { $1 })
    }

    /// A cake in the background; its output goes to the file "said" in this home.
    func start(_ words: String..., variables: [String: String] = [:]) throws -> Child {
        let said = path("said")
        try Data().write(to: said)
        let variables = ["HOME": folder.path].merging(variables) { $1 }
        return try Child(Tool.cake, words, variables: variables, errors: .file(said))
    }

    /// How many calls to the machine a cake makes: moments to end it at that do not depend on how busy the machine is.
    func calls(_ words: String..., variables: [String: String] = [:]) throws -> Int {
        let log = path("calls")
        try Data().write(to: log)
        let variables = ["HOME": folder.path, "CAKE_TEST_CALLS": log.path].merging(variables) { $1 }
        let result = try Tool.run(Tool.cake, words, variables: variables)
        let count = try Data(contentsOf: log).count
        guard result.status == 0, count > 100 else { throw Uncounted(words: words, count: count, said: result.errors) }
        return count
    }

    struct Uncounted: Error {
        let words: [String]
        let count: Int
        let said: String
    }

    /// A command line, for what only a shell can do.
    func shell(_ line: String) throws -> Tool {
        try Tool.run(
            "bash", ["-c", line],
            variables: ["HOME": folder.path, "CAKE": Tool.cake.path, "LC_ALL": "C"])
    }

    /// A folder with a safetensors file and a configuration. Models of one seed share the tensors that both have.
    @discardableResult
    func makeModel(_ name: String, seed: UInt64 = 1, tensors: Int = 8, of count: UInt64 = 4096) throws -> URL {
        let folder = path(name)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let described = (0..<tensors).map { index in
            Tensor(name: ExactText("model.layers.\(index).weight"), dtype: .bf16, shape: [count / 64, 64])
        }
        var bytes = try Safetensors.header(for: described)
        let block = Self.weights(seed: seed)
        for index in 0..<tensors {
            // No tensor is another's, and none repeats itself within what is compressed at once.
            let start = index * 4098 % block.count
            var wanted = Int(count) * 2
            bytes += block[start...].prefix(wanted)
            wanted -= min(wanted, block.count - start)
            while wanted > 0 {
                bytes += block.prefix(wanted)
                wanted -= min(wanted, block.count)
            }
        }
        try Data(bytes).write(to: folder.appending(path: "model.safetensors"))
        try Data(#"{"model_type": "llama", "hidden_size": 64}"#.utf8).write(to: folder.appending(path: "config.json"))
        return folder
    }

    /// A megabyte of 16-bit numbers whose upper halves are much alike, as weights' are.
    private static func weights(seed: UInt64) -> [UInt8] {
        var random = Randomness(seed: seed)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(1 << 20)
        while bytes.count < 1 << 20 {
            var word = random.next() & 0x83ff_83ff_83ff_83ff | 0x3c00_3c00_3c00_3c00
            for _ in 0..<8 {
                bytes.append(UInt8(truncatingIfNeeded: word))
                word &>>= 8
            }
        }
        return bytes
    }

    /// Whether two folders hold the same files with the same bytes.
    func areEqual(_ left: String, _ right: String) -> Bool {
        FileManager.default.contentsEqual(atPath: path(left).path, andPath: path(right).path)
    }

    /// Bytes in what commands have begun and not finished. A folder without any is one that was never used.
    func bytesIncoming() throws -> Int { try bytesIncoming { _ in true } }

    /// Of these what was fetched, and not what a command that was killed had made of it.
    func bytesOfParts() throws -> Int { try bytesIncoming { !$0.contains("/operation-") } }

    private func bytesIncoming(where isCounted: (String) -> Bool) throws -> Int {
        let incoming = store.appending(path: "incoming")
        let files = FileManager.default.enumerator(at: incoming, includingPropertiesForKeys: [.fileSizeKey])
        var total = 0
        while let file = files?.nextObject() as? URL {
            let values = try? file.resourceValues(forKeys: [.fileSizeKey, .isDirectoryKey])
            if values?.isDirectory == false, isCounted(file.path) { total += values?.fileSize ?? 0 }
        }
        return total
    }

    /// Object and pack files in the store.
    func objects() throws -> [URL] {
        var found: [URL] = []
        for place in ["objects", "packs"] {
            let files = FileManager.default.enumerator(
                at: store.appending(path: place), includingPropertiesForKeys: [.isRegularFileKey])
            while let file = files?.nextObject() as? URL {
                if try file.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true { found.append(file) }
            }
        }
        return found
    }
}

extension Tool {
    /// The one JSON document on standard output; nil when there is none.
    func document() -> Any? { try? JSONSerialization.jsonObject(with: Data(output.utf8), options: .fragmentsAllowed) }
}
