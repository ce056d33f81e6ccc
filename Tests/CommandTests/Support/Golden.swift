import Foundation
import Testing

/// Text that a person has read and approved. `CAKE_GOLDEN=write swift test --filter CommandTests` writes the present
/// output; read the difference before keeping it.
enum Golden {
    private static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../Golden")
    private static let isWriting = ProcessInfo.processInfo.environment["CAKE_GOLDEN"] == "write"

    static func check(_ lines: [String], _ name: String, at place: SourceLocation = #_sourceLocation) throws {
        // Escape codes are kept in a form that an editor shows.
        let text = lines.joined(separator: "\n").replacing("\u{1b}", with: "␛") + "\n"
        let file = folder.appending(path: name + ".txt")
        if isWriting { try Data(text.utf8).write(to: file) }
        let known = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
        #expect(text == known, "\(name).txt says otherwise", sourceLocation: place)
    }
}
