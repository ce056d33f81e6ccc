import Foundation
import Support
import Testing

@testable import cake

/// A server of its own in a stranger's home.
final class Served {
    let child: Child
    let port: UInt16

    convenience init(
        _ home: Home, _ words: String..., listen: String = "127.0.0.1:0", variables: [String: String] = [:]
    ) throws {
        try self.init(home, words, listen: listen, variables: variables)
    }

    init(
        _ home: Home, _ words: [String], listen: String = "127.0.0.1:0", variables: [String: String]
    ) throws {
        for name in ["log", "said"] { try Data().write(to: home.path(name)) }
        child = try Child(
            Tool.cake, ["serve", "--listen", listen] + words,
            variables: ["HOME": home.folder.path].merging(variables) { $1 },
            output: .file(home.path("log")), errors: .file(home.path("said")))
        var found: UInt16?
        while found == nil, child.isRunning {
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

    deinit { child.kill() }

    /// Asks it to end as a system does.
    func end() throws {
        child.send(SIGTERM)
        #expect(try child.end() == .exit(0))
    }

    func ask(
        _ method: String, _ address: String, _ headers: [(String, String)] = [], _ body: [UInt8]? = nil
    ) throws -> Client.Reply {
        try Client(port: port).ask(method, address, headers, body)
    }
}
