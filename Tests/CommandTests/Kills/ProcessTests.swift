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

/// A cake that cannot go on: its output is a pipe that is full of its words, and that nothing reads.
private final class Stuck {
    let child: Child
    private let output = Pipe()
    private let errors = Pipe()
    private let words: URL

    init(ignoring signal: String? = nil, cannotSpeak: Bool = false) throws {
        // One page each; the manual is longer. The number is F_SETPIPE_SZ, which is no name in Swift.
        for pipe in [output, errors] { _ = fcntl(pipe.fileHandleForWriting.fileDescriptor, 1031, 4096) }
        if cannotSpeak { try errors.fileHandleForWriting.write(contentsOf: Data(count: 4096)) }
        words = FileManager.default.temporaryDirectory.appending(path: "cake-words-\(UUID().uuidString)")
        try Data().write(to: words)
        let trap = signal.map { "trap '' \($0); " } ?? ""
        child = try Child(
            URL(filePath: "/bin/sh"), ["-c", "\(trap)exec '\(Tool.cake.path)' man"],
            output: .descriptor(output.fileHandleForWriting.fileDescriptor),
            errors: cannotSpeak ? .descriptor(errors.fileHandleForWriting.fileDescriptor) : .file(words))
        try child.waits(until: "its output is full") { [output] in
            var count: Int32 = 0
            _ = unsafe ioctl(output.fileHandleForReading.fileDescriptor, UInt(FIONREAD), &count)
            return count == 4096
        }
    }

    deinit { try? FileManager.default.removeItem(at: words) }

    /// All at once: it sees none before the last is there.
    func send(_ signals: Int32...) {
        child.send(SIGSTOP)
        for signal in signals { child.send(signal) }
        child.send(SIGCONT)
    }

    /// By what it ended, and what it said.
    func end() throws -> (ending: Child.Ending, said: String) {
        let ending = try child.end()
        return (ending, try String(contentsOf: words, encoding: .utf8))
    }
}

@Suite struct `Ctrl-C` {
    private static let lastWords = "interrupted; cake keeps what is done"

    @Test(arguments: [SIGINT, SIGTERM, SIGHUP])
    func `ends what does not end by itself, by the signal's own action`(signal: Int32) throws {
        let stuck = try Stuck()
        stuck.send(signal)
        let (ending, said) = try stuck.end()
        #expect(ending == .signal(signal))
        #expect(said.contains(Self.lastWords))
    }

    @Test func `ends it also when its last words are not read`() throws {
        let stuck = try Stuck(cannotSpeak: true)
        stuck.send(SIGINT)
        #expect(try stuck.end().ending == .signal(SIGINT))
    }

    @Test func `and another signal end it at once, without a word`() throws {
        let stuck = try Stuck()
        stuck.send(SIGINT, SIGTERM)
        let (ending, said) = try stuck.end()
        #expect(ending == .signal(SIGTERM))
        #expect(said == "")
    }

    @Test func `is ignored by a process that was started so`() throws {
        let stuck = try Stuck(ignoring: "INT")
        // As the second of two signals the other would end it without a word.
        stuck.send(SIGINT, SIGTERM)
        let (ending, said) = try stuck.end()
        #expect(ending == .signal(SIGTERM))
        #expect(said.contains(Self.lastWords))
    }
}
