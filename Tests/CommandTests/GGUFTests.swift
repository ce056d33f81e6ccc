import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite struct `A GGUF file that is looked into` {
    private static func number(_ value: UInt64, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * UInt64($0))) }
    }

    private static func text(_ text: String) -> [UInt8] { number(UInt64(text.utf8.count), 8) + Array(text.utf8) }

    /// Two tensors: 4 x 32 in F32 and 2 x 32 in Q8_0.
    private static var bytes: [UInt8] {
        var bytes = Array("GGUF".utf8) + number(3, 4) + number(2, 8) + number(3, 8)
        bytes += text("general.architecture") + number(8, 4) + text("llama")
        bytes += text("llama.block_count") + number(4, 4) + number(7, 4)
        bytes += text("general.name") + number(8, 4) + text("a\u{1b}[31m name")
        for (name, rows, type, offset) in [("blk.0.weight", 4, 0, 0), ("out.weight", 2, 8, 512)]
            as [(String, UInt64, UInt64, UInt64)]
        {
            bytes += text(name) + number(2, 4) + number(32, 8) + number(rows, 8) + number(type, 4) + number(offset, 8)
        }
        bytes += [UInt8](repeating: 0, count: (32 - bytes.count % 32) % 32)
        return bytes + [UInt8](repeating: 1, count: 512 + 96)
    }

    @Test func `says what it is, and what its tensors are`() throws {
        let folder = try ModelFolder()
        try Data(Self.bytes).write(to: URL(filePath: folder.path + "/m.gguf"))
        let seen = try folder.cake("inspect", "m.gguf")
        #expect(
            seen.status == 0 && seen.output.contains("llama") && seen.output.contains("F32 67%"),
            "\(seen.output)\(seen.errors)")
        #expect(!seen.output.contains("\u{1b}"))
        let document = try folder.document("inspect", "./m.gguf", "--tensors", "out*")
        #expect(document["model_type"] == "llama" && document["parameters"] == 192)
        #expect(document["tensors"]?.array?.first?["encoding"] == "Q8_0")
        #expect(document["tensors"]?.array?.first?["bytes"] == 68)
        let listed = try folder.cake("inspect", "m.gguf", "--tensors")
        #expect(listed.output.contains("blk.0.weight") && listed.output.contains("4x32"), "\(listed.output)")
    }

    @Test func `is counted in the store, whole or in parts, when it is looked at`() throws {
        let folder = try ModelFolder()
        for name in ["one/m.gguf", "parts/m-00001-of-00002.gguf", "parts/m-00002-of-00002.gguf", "two/a.gguf"] {
            try folder.write(Self.bytes, name)
        }
        try folder.write(Self.bytes, "two/b.gguf")
        try folder.write(Array("GGUF is in its name".utf8), "broken/m.gguf")
        let rows: [(String, tensors: UInt64, parameters: UInt64)] = [
            ("one", 2, 192), ("parts", 4, 384), ("two", 2, 192), ("broken", 0, 0),
        ]
        for (name, _, _) in rows { #expect(try folder.cake("import", "./" + name, name).status == 0) }
        let counts = URL(filePath: folder.store + "/counts")
        for isKept in [false, true, false] {
            #expect(FileManager.default.fileExists(atPath: counts.path) == isKept)
            for (name, tensors, parameters) in rows {
                let listed = try folder.document("ls", name).array?.first
                #expect(listed?["tensors"]?.unsigned == tensors && listed?["parameters"]?.unsigned == parameters)
                for place in [name, "./" + name] {
                    let seen = try folder.document("inspect", place)
                    #expect(seen["tensor_count"]?.unsigned == tensors && seen["parameters"]?.unsigned == parameters)
                    guard tensors > 0 else { continue }
                    #expect(seen["encodings"]?.array?.count == 2 && seen["model_type"] == "llama")
                    let text = try folder.cake("inspect", place).output
                    #expect(text.contains("\(parameters) in \(tensors) tensors") && text.contains("GGUF 3"), "\(text)")
                    let rows = try folder.document("inspect", place, "--tensors", "out*")["tensors"]?.array
                    #expect(rows?.count == Int(tensors / 2) && rows?.first?["encoding"] == "Q8_0")
                }
            }
            // A damaged file is as good as none.
            if isKept { try Data("cake counts 1\nnonsense\n".utf8).write(to: counts) }
            if isKept { try FileManager.default.removeItem(at: counts) }
        }
    }

    @Test func `that makes no sense is refused`() throws {
        let folder = try ModelFolder()
        try Data(Self.bytes.prefix(60)).write(to: URL(filePath: folder.path + "/cut.gguf"))
        #expect(try folder.cake("inspect", "cut.gguf").status == 11)
    }
}
