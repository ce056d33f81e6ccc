public import Foundation

extension Process {
    /// A program that did not end, and what its threads were doing.
    public struct Endless: Error, CustomStringConvertible {
        public let description: String
    }

    /// Waits for its end. A program that has not ended by then is killed: a test that waits for ever tells nobody why.
    public func end(within seconds: TimeInterval = 180) throws {
        let limit = Date() + seconds
        while isRunning, Date() < limit { Thread.sleep(forTimeInterval: 0.002) }
        guard isRunning else { return }
        let state = Self.state(of: processIdentifier)
        kill(processIdentifier, SIGKILL)
        throw Endless(description: "\(arguments ?? []) did not end within \(Int(seconds)) s: \(state)")
    }

    /// Each thread's name, state and place in the kernel.
    private static func state(of process: Int32) -> String {
        let tasks = "/proc/\(process)/task"
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
