import Foundation
import Model
import Testing

@testable import cake

/// Command lines of cake in docs/kubernetes, docs/kubernetes.md and docs/operate.md.
@Suite struct `Command lines for operators` {
    private static let docs = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../docs")
        .standardizedFileURL

    private static func words(_ line: String) -> [String] {
        line.replacing("'", with: "").split(separator: " ").map(String.init)
    }

    /// Of a manifest: `args` of containers whose command is cake, and what shells run.
    private static func lines(ofManifest text: String) throws -> [[String]] {
        var found: [[String]] = []
        var command: [String] = []
        for line in text.split(separator: "\n").map({ $0.trimmingCharacters(in: .whitespaces) }) {
            for key in ["command: ", "args: "] where line.hasPrefix(key) {
                let value = try JSONValue(parsing: Array(line.dropFirst(key.count).utf8).span)
                let words = (value.array ?? []).compactMap(\.string)
                if key == "args: ", command == ["cake"] { found.append(words) }
                if key == "command: " {
                    command = words
                    if words.first == "sh" { found += lines(ofShell: words.last ?? "") }
                }
            }
        }
        return found
    }

    private static func lines(ofShell text: String) -> [[String]] {
        text.components(separatedBy: "&&").map { words(String($0)) }.filter { $0.first == "cake" }.map {
            Array($0.dropFirst())
        }
    }

    @Test func `are understood by the program`() throws {
        let folder = Self.docs.appending(path: "kubernetes")
        var lines: [(place: String, words: [String])] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() {
            let text = try String(contentsOf: folder.appending(path: name), encoding: .utf8)
            lines += try Self.lines(ofManifest: text).map { (name, $0) }
        }
        #expect(Set(lines.map { $0.words.first }) == ["serve", "pull", "export"])
        for page in ["kubernetes.md", "operate.md", "stability.md"] {
            let text = try String(contentsOf: Self.docs.appending(path: page), encoding: .utf8)
            for block in text.components(separatedBy: "```").enumerated().filter({ $0.offset % 2 == 1 }).map(\.element)
            {
                for line in block.split(separator: "\n") {
                    let plain = line.split(separator: "#").first.map(String.init) ?? ""
                    let command = plain.hasPrefix("$ ") ? String(plain.dropFirst(2)) : plain
                    if command.hasPrefix("cake ") { lines += Self.lines(ofShell: command).map { (page, $0) } }
                }
            }
        }
        #expect(lines.count > 8)
        for (place, words) in lines {
            // Words in capitals stand for something.
            do throws(CakeError) {
                _ = try Parser.parse(words, with: .standard)
            } catch {
                Issue.record("\(place): cake \(words.joined(separator: " ")): \(error)")
            }
        }
    }
}
