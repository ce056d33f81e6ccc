import Foundation
import Testing

/// A page of docs whose lists tests compare with the program. `CAKE_GOLDEN=write` writes those of docs/stability.md.
struct PromisePage {
    static let stability = PromisePage("docs/stability.md")
    static let operate = PromisePage("docs/operate.md")

    private let file: URL

    private init(_ path: String) {
        file =
            URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../../" + path).standardizedFileURL
    }

    var text: String { get throws { try String(contentsOf: file, encoding: .utf8) } }

    /// The lines between two marks, `<!-- list:NAME -->` and `<!-- /list:NAME -->`.
    func check(_ lines: [String], _ list: String, at place: SourceLocation = #_sourceLocation) throws {
        var text = try text
        let wanted = lines.map { $0 + "\n" }.joined()
        let begin = try #require(text.firstRange(of: "<!-- list:\(list) -->\n"), sourceLocation: place).upperBound
        let end = try #require(text.firstRange(of: "<!-- /list:\(list) -->"), sourceLocation: place).lowerBound
        if ProcessInfo.processInfo.environment["CAKE_GOLDEN"] == "write" {
            text.replaceSubrange(begin..<end, with: wanted)
            try Data(text.utf8).write(to: file)
        } else {
            #expect(String(text[begin..<end]) == wanted, "the list \(list) says otherwise", sourceLocation: place)
        }
    }

    /// The first cells of the table under a heading.
    func firstCells(under heading: String) throws -> [String] {
        let text = try text
        let start = try #require(text.firstRange(of: "\n## \(heading)\n")).upperBound
        let section = text[start...].prefix(upTo: text[start...].firstRange(of: "\n## ")?.lowerBound ?? text.endIndex)
        return section.split(separator: "\n").filter { $0.hasPrefix("| `") }.compactMap {
            $0.split(separator: "|").first
        }
        .map { $0.trimmingCharacters(in: .whitespaces) }
    }
}
