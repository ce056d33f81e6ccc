import Foundation
import Support
import Testing

/// Input that strangers sent, or might send, kept in Tests/Corpus: `replay make Tests/Corpus` writes the first of it
/// again. Inputs that scripts/fuzz finds are added there.
@Suite struct `The corpus of hostile answers` {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Corpus")
        .standardizedFileURL.path
    /// In kilobytes.
    private static let mostMemory = 250_000

    private static var replay: URL { Tool.cake.deletingLastPathComponent().appending(path: "replay") }

    @Test func `stops no decoder, nor do changed copies of it`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        #expect(names.count >= 13)
        let seed = SeededNumbers.freshSeed()
        let tool = try Tool.run(Self.replay, [Self.folder, "60", "\(seed)"])
        let said = tool.output.split(separator: "\n")
        #expect(tool.status == 0, "seed \(seed), at \(said.last ?? ""): \(tool.errors.prefix(500))")
        let memory = said.last.flatMap { line in line.hasPrefix("VmHWM") ? Int(line.filter(\.isNumber)) : nil }
        #expect(memory.map { $0 < Self.mostMemory } == true, "\(said.last ?? "")")
    }

    @Test func `is what its maker makes, and more`() throws {
        let scratch = try Scratch()
        #expect(try Tool.run(Self.replay, ["make", scratch.path]).status == 0)
        for path in try FileManager.default.subpathsOfDirectory(atPath: scratch.path) where path.contains("/") {
            let (made, kept) = (URL(filePath: "\(scratch.path)/\(path)"), URL(filePath: "\(Self.folder)/\(path)"))
            #expect(try Data(contentsOf: made) == (try? Data(contentsOf: kept)), "\(path)")
        }
    }
}
