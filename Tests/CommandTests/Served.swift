import Foundation
import Support
import Testing

@testable import cake

/// A server of its own in a stranger's home.
final class Served {
    let process: Process
    let port: UInt16

    init(_ home: Home, _ words: String...) throws {
        process = Tool.process(
            Tool.cake, ["serve", "--listen", "127.0.0.1:0"] + words, variables: ["HOME": home.folder.path])
        for name in ["log", "said"] { try Data().write(to: home.path(name)) }
        process.standardOutput = try FileHandle(forWritingTo: home.path("log"))
        process.standardError = try FileHandle(forWritingTo: home.path("said"))
        try process.run()
        var found: UInt16?
        while found == nil, process.isRunning {
            let said = try String(contentsOf: home.path("said"), encoding: .utf8)
            found = said.firstRange(of: "://127.0.0.1:").flatMap { place in
                UInt16(said[place.upperBound...].prefix { $0.isNumber })
            }
            // The whole line is there with its end.
            if !said.contains("\n") { found = nil }
        }
        let said = try String(contentsOf: home.path("said"), encoding: .utf8)
        port = try #require(found, "\(said)")
    }

    deinit { end(SIGKILL) }

    func end(_ signal: Int32) {
        if process.isRunning { kill(process.processIdentifier, signal) }
        process.waitUntilExit()
    }

    func ask(
        _ method: String, _ address: String, _ headers: [(String, String)] = [], _ body: [UInt8]? = nil
    ) throws -> Client.Reply {
        try Client(port: port).ask(method, address, headers, body)
    }
}
