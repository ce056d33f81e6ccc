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
        Thread.sleep(forTimeInterval: 0.3)
    }

    deinit { try? FileManager.default.removeItem(at: words) }

    func send(_ signal: Int32) { child.send(signal) }

    /// Seconds until it ended, and what it said.
    func end(within limit: TimeInterval = 10) throws -> (seconds: TimeInterval, said: String) {
        let start = Date()
        _ = child.ends(within: limit)
        let seconds = -start.timeIntervalSinceNow
        child.kill()
        return (seconds, try String(contentsOf: words, encoding: .utf8))
    }
}

@Suite(.serialized) struct `Ctrl-C` {
    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `ends within a second what does not end by itself, and by the signal's own action`(signal: Int32) throws {
        let stuck = try Stuck()
        stuck.send(signal)
        let (seconds, said) = try stuck.end()
        #expect(seconds > 0.5 && seconds < 1.2)
        #expect(stuck.child.ending == .signal(signal))
        #expect(said.contains("interrupted; what is done is kept"))
    }

    @Test func `ends within a second also when nobody reads its last words`() throws {
        let stuck = try Stuck(cannotSpeak: true)
        stuck.send(SIGINT)
        #expect(try stuck.end().seconds < 1.2)
        #expect(stuck.child.ending == .signal(SIGINT))
    }

    @Test func `pressed again ends it at once`() throws {
        let stuck = try Stuck()
        stuck.send(SIGINT)
        Thread.sleep(forTimeInterval: 0.1)
        stuck.send(SIGINT)
        let (seconds, _) = try stuck.end()
        #expect(seconds < 0.5)
        #expect(stuck.child.ending == .signal(SIGINT))
    }

    @Test func `is ignored by a process that was started so`() throws {
        let stuck = try Stuck(ignoring: "INT")
        stuck.send(SIGINT)
        Thread.sleep(forTimeInterval: 1.2)
        #expect(stuck.child.isRunning)
        stuck.send(SIGTERM)
        _ = try stuck.end()
        #expect(stuck.child.ending == .signal(SIGTERM))
    }
}
