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
        // Through files: a pipe that is not read would stop the program.
        let paths = ["in", "out", "err"].map { folder.appending(path: $0) }
        try Data(input.utf8).write(to: paths[0])
        let child = try Child(
            executable, arguments, variables: variables, input: .file(paths[0]), output: .file(paths[1]),
            errors: .file(paths[2]))
        let status: Int32
        switch try child.end() {
        case .exit(let number), .signal(let number): status = number
        }
        return Tool(
            status: status, bytes: try Data(contentsOf: paths[1]),
            errors: try String(contentsOf: paths[2], encoding: .utf8))
    }
}
