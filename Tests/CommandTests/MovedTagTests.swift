import Foundation
import Model
import Support
import Testing

@testable import cake

/// A tag that meant something else, and what a push of the same finds there.
@Suite struct `A tag that is there` {
    private static func document(_ tool: Tool) throws -> JSONValue {
        #expect(tool.status == 0, "\(tool.errors)")
        return try JSONValue(parsing: Array(tool.output.utf8).span)
    }

    @Test func `is gone with its packs left: they count for no rate, and progress has keys as all JSON has`() throws {
        let home = try Home()
        let server = try Home()
        let served = try Served(server, "--push")
        let name = "127.0.0.1:\(served.port)/m:v1"
        try home.cake("import", home.makeModel("m", tensors: 2, of: 1 << 19).path, "m")
        #expect(try home.cake("push", "m", name).status == 0)
        #expect(try home.cake("rm", "--remote", name).status == 0)
        let again = try home.cake("push", "m", name, "--json")
        #expect(try Self.document(again)["packs_sent"] == 0)
        let lines = try again.errors.split(separator: "\n").map { try JSONValue(parsing: Array($0.utf8).span) }
        let last = try #require(lines.last { $0["event"] == "progress" })
        #expect((last["bytes_done"]?.unsigned ?? 0) > 100_000 && last["bytes_skipped"] == last["bytes_done"], "\(last)")
        for key in lines.flatMap({ $0.object?.members.map(\.key) ?? [] }) {
            #expect(key.allSatisfy { $0.isLowercase || $0 == "_" }, "\(key)")
        }
    }
}
