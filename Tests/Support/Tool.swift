public import Foundation

/// Another program, run to its end.
public struct Tool: Sendable {
    public let status: Int32
    /// What it wrote to standard output.
    public let bytes: Data
    public let errors: String

    public var output: String { String(decoding: bytes, as: UTF8.self) }

    public static func exists(_ name: String) -> Bool {
        (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").contains {
            FileManager.default.isExecutableFile(atPath: "\($0)/\(name)")
        }
    }

    /// The cake that was built with these tests.
    public static var cake: URL {
        // The test bundle lies beside it.
        let bundle = URL(filePath: CommandLine.arguments[0]).deletingLastPathComponent()
        let candidates = [
            bundle, Bundle.main.bundleURL, URL(filePath: #filePath).appending(path: "../../../.build/debug"),
        ]
        let found = candidates.map { $0.appending(path: "cake").standardizedFileURL }
        return found.first { FileManager.default.isExecutableFile(atPath: $0.path) } ?? found[0]
    }

    public static func process(_ executable: URL, _ arguments: [String], variables: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = executable
        process.arguments = arguments
        var environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "", "HOME": "/nonexistent"]
        environment.merge(variables) { $1 }
        process.environment = environment
        return process
    }

    public static func run(
        _ name: String, _ arguments: [String], input: String = "", variables: [String: String] = [:]
    ) throws -> Tool {
        try run(URL(filePath: "/usr/bin/env"), [name] + arguments, input: input, variables: variables)
    }

    public static func run(
        _ executable: URL, _ arguments: [String], input: String = "", variables: [String: String] = [:]
    ) throws -> Tool {
        let folder = FileManager.default.temporaryDirectory.appending(path: "cake-test-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        // Through files: a pipe that nobody empties would stop the program.
        let paths = ["in", "out", "err"].map { folder.appending(path: $0) }
        try Data(input.utf8).write(to: paths[0])
        for path in paths[1...] { try Data().write(to: path) }
        let process = process(executable, arguments, variables: variables)
        process.standardInput = try FileHandle(forReadingFrom: paths[0])
        process.standardOutput = try FileHandle(forWritingTo: paths[1])
        process.standardError = try FileHandle(forWritingTo: paths[2])
        try process.run()
        try process.end()
        return Tool(
            status: process.terminationStatus, bytes: try Data(contentsOf: paths[1]),
            errors: try String(contentsOf: paths[2], encoding: .utf8))
    }
}
