import Foundation
import Support
import Testing

@testable import cake

@Suite struct `The program` {
    @Test func `prints its version without a home`() throws {
        let result = try Tool.run(Tool.cake, ["--version"])
        #expect(result.status == 0)
        #expect(result.output == "cake \(CommandTable.version)\n")
        #expect(result.errors == "")
    }

    @Test func `puts failures on standard error, in words or as JSON`() throws {
        let words = try Tool.run(Tool.cake, ["lss"])
        #expect(words.status == 2)
        #expect(words.output == "")
        #expect(words.errors == "cake: there is no command \"lss\"\nfix: did you mean cake ls?\n")
        let json = try Tool.run(Tool.cake, ["lss", "--json"])
        let document = try JSONSerialization.jsonObject(with: Data(json.errors.utf8)) as? [String: [String: Any]]
        #expect(document?["error"]?["kind"] as? String == "usage")
    }

    @Test(arguments: [
        (["NO_COLOR": "1", "CLICOLOR_FORCE": "1"], false), (["CLICOLOR_FORCE": "1"], true), ([:], false),
        (["CLICOLOR_FORCE": "0"], false),
    ]) func `is coloured when it may be`(variables: [String: String], isColoured: Bool) throws {
        let result = try Tool.run(Tool.cake, ["help"], variables: variables)
        #expect(result.output.contains("\u{1b}") == isColoured)
        #expect(!(try Tool.run(Tool.cake, ["help", "--no-color"], variables: variables)).output.contains("\u{1b}"))
    }

    @Test func `ends well when its reader has seen enough`() throws {
        let result = try Tool.run("bash", ["-c", "'\(Tool.cake.path)' man | :; echo ${PIPESTATUS[0]}"])
        #expect(result.output == "0\n")
        #expect(result.errors == "")
    }

    @Test(.enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func `does not take a full disk for success`() throws {
        let result = try Tool.run("bash", ["-c", "'\(Tool.cake.path)' man > /dev/full"])
        #expect(result.status == 14)
        #expect(result.errors.contains("standard output"))
    }
}

/// A cake that cannot go on: its output is a pipe that is full and that nobody reads.
private struct Stuck: ~Copyable {
    let child: Child
    private let output = Pipe()
    private let errors = Pipe()
    private let words: URL

    init(ignoring signal: String? = nil, cannotSpeak: Bool = false) throws {
        let trap = signal.map { "trap '' \($0); " } ?? ""
        // As much as a pipe holds; then the shell becomes cake.
        let fill = "head -c 65536 /dev/zero; " + (cannotSpeak ? "head -c 65536 /dev/zero >&2; " : "")
        let script = trap + fill + "exec '\(Tool.cake.path)' help"
        words = FileManager.default.temporaryDirectory.appending(path: "cake-words-\(UUID().uuidString)")
        try Data().write(to: words)
        child = try Child(
            URL(filePath: "/bin/sh"), ["-c", script],
            output: .descriptor(output.fileHandleForWriting.fileDescriptor),
            errors: cannotSpeak ? .descriptor(errors.fileHandleForWriting.fileDescriptor) : .file(words))
        // From then on it listens to signals: what it writes does not end, or has not begun.
        while child.isRunning, !isCake || blocked & (1 << UInt64(SIGTERM - 1)) == 0 {}
    }

    private func read(_ file: String) -> String {
        (try? String(contentsOfFile: "/proc/\(child.id)/\(file)", encoding: .utf8)) ?? ""
    }

    private var isCake: Bool { read("comm") == "cake\n" }

    /// Signals that its main thread takes when it wants to, a bit for each.
    private var blocked: UInt64 {
        let line = read("status").split(separator: "\n").first { $0.hasPrefix("SigBlk:") }
        return line.flatMap { UInt64($0.dropFirst(7).filter { !$0.isWhitespace }, radix: 16) } ?? 0
    }

    deinit { try? FileManager.default.removeItem(at: words) }

    func send(_ signal: Int32) { child.send(signal) }

    /// What it said before it ended.
    func end() throws -> String {
        try child.end(within: 60)
        return try String(contentsOf: words, encoding: .utf8)
    }
}

@Suite(.serialized) struct `Ctrl-C` {
    private static let lastWords = "interrupted; what is done is kept"

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `ends what does not end by itself, and by the signal's own action`(signal: Int32) throws {
        let stuck = try Stuck()
        stuck.send(signal)
        #expect(try stuck.end().contains(Self.lastWords))
        #expect(stuck.child.ending == .signal(signal))
    }

    @Test func `ends it also when nobody reads its last words`() throws {
        let stuck = try Stuck(cannotSpeak: true)
        stuck.send(SIGINT)
        _ = try stuck.end()
        #expect(stuck.child.ending == .signal(SIGINT))
    }

    @Test func `and another signal end it at once, by the other's action`() throws {
        let stuck = try Stuck()
        stuck.send(SIGINT)
        stuck.send(SIGTERM)
        // It was not waited for.
        #expect(try stuck.end() == "")
        #expect(stuck.child.ending == .signal(SIGTERM))
    }

    @Test func `is ignored by a process that was started so`() throws {
        let stuck = try Stuck(ignoring: "INT")
        stuck.send(SIGINT)
        stuck.send(SIGTERM)
        // Had it heard both, it would have ended without a word.
        #expect(try stuck.end().contains(Self.lastWords))
        #expect(stuck.child.ending == .signal(SIGTERM))
    }
}
