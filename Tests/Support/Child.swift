public import Foundation
import Glibc
import Platform
import Synchronization

/// Another program while it runs. Not Foundation's: that one looks through the list of open files with reads that go past the
/// list's end, which stops the tests when a thousand files are open.
public final class Child: Sendable {
    public enum Stream: Sendable {
        case nothing
        case file(URL)
        case descriptor(Int32)
    }

    public enum Ending: Equatable, Sendable {
        case exit(Int32)
        case signal(Int32)
    }

    /// A program that did not end, and the state of its threads.
    public struct Endless: Error, CustomStringConvertible {
        public let description: String
    }

    public let id: Int32
    private let words: [String]
    private let ended = Mutex<Ending?>(nil)

    /// The program has these variables alone, beside where programs are and a home that is none.
    public init(
        _ executable: URL, _ arguments: [String], variables: [String: String] = [:], input: Stream = .nothing,
        output: Stream = .nothing, errors: Stream = .nothing
    ) throws {
        var environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "HOME": "/nonexistent"]
        environment.merge(variables) { $1 }
        words = [executable.path] + arguments
        id = try Self.spawn(words, environment.map { "\($0)=\($1)" }, [input, output, errors])
    }

    private static func spawn(_ words: [String], _ variables: [String], _ streams: [Stream]) throws -> pid_t {
        var spawning = Spawning()
        for (number, stream) in zip(Int32(0)..., streams) {
            let mode = number == 0 ? O_RDONLY : O_WRONLY | O_CREAT
            switch stream {
            case .nothing: spawning.open("/dev/null", mode, as: number)
            case .file(let file): spawning.open(file.path, mode, as: number)
            case .descriptor(let open): spawning.give(open, as: number)
            }
        }
        // No signal is blocked or ignored in it because it is here.
        spawning.heed()
        let (id, number) = spawning.start(words[0], words, variables: variables)
        guard number == 0 else {
            throw POSIXError(POSIXErrorCode(rawValue: number) ?? .EIO, userInfo: ["program": words[0]])
        }
        return id
    }

    /// Nil while it runs.
    public var ending: Ending? {
        ended.withLock { ended in
            if ended == nil { ended = wait(WNOHANG) }
            return ended
        }
    }

    public var isRunning: Bool { ending == nil }

    private func wait(_ options: Int32) -> Ending? {
        var status: Int32 = 0
        while true {
            let found = unsafe waitpid(id, &status, options)
            if found == id { return status & 0x7f == 0 ? .exit(status >> 8 & 0xff) : .signal(status & 0x7f) }
            guard found < 0, errno == EINTR else { return nil }
        }
    }

    /// Nothing where it has ended.
    public func send(_ signal: Int32) {
        ended.withLock { ended in
            if ended == nil { _ = Glibc.kill(id, signal) }
        }
    }

    public func kill() {
        send(SIGKILL)
        ended.withLock { ended in
            if ended == nil { ended = wait(0) }
        }
    }

    /// True when it ends within so long.
    public func ends(within seconds: TimeInterval) -> Bool {
        let limit = Date() + seconds
        while isRunning, Date() < limit { Thread.sleep(forTimeInterval: 0.002) }
        return !isRunning
    }

    /// Waits for something that it does. One that ends before, or never does it, fails the test.
    public func waits(
        until event: String, _ isThere: () throws -> Bool
    ) throws {
        do {
            try Support.waits(until: event, unless: { !isRunning }, isThere)
        } catch is NeverCame {
            throw Endless(description: "\(words) ended or hung before \(event): \(state)")
        }
    }

    /// Waits for its end. A program that has not ended by then is killed: a test that waits for ever explains nothing.
    @discardableResult
    public func end(within seconds: TimeInterval = longestWait) throws -> Ending {
        guard !ends(within: seconds), let ending else {
            if let ending { return ending }
            let state = state
            kill()
            throw Endless(description: "\(words) did not end within \(Int(seconds)) s: \(state)")
        }
        return ending
    }

    /// Each thread's name, state and place in the kernel.
    private var state: String {
        let tasks = "/proc/\(id)/task"
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: tasks)) ?? []
        return threads.prefix(20).map { thread in
            let read = { (name: String) in
                (try? String(contentsOfFile: "\(tasks)/\(thread)/\(name)", encoding: .utf8)) ?? ""
            }
            let state = read("stat").split(separator: ")").last?.prefix(2) ?? ""
            return read("comm").trimmingCharacters(in: .newlines) + state + " " + read("wchan")
        }.joined(separator: "; ")
    }
}
