import Foundation
import Model
import Support
import Testing

@testable import cake

/// A tag of another model, and a push of the same model to it.
@Suite struct `A tag that is there` {
    private static func document(_ tool: Tool) throws -> JSONValue {
        #expect(tool.status == 0, "\(tool.errors)")
        return try JSONValue(parsing: Array(tool.output.utf8).span)
    }

    @Test(arguments: ["copy", "push"]) func `is moved, which is said`(verb: String) throws {
        let home = try Home()
        let server = try Home()
        let served = try Served(server, "--push")
        let host = "127.0.0.1:\(served.port)"
        for seed in 1...2 as ClosedRange<UInt64> {
            try home.cake("import", home.makeModel("m\(seed)", seed: seed).path, "m\(seed)")
            #expect(try home.cake("push", "m\(seed)", "\(host)/m:v\(seed)").status == 0)
        }
        func bring(_ number: Int, _ more: String...) throws -> Tool {
            try home.cake([verb, verb == "copy" ? "\(host)/m:v\(number)" : "m\(number)", "\(host)/m:stable"] + more)
        }
        let first = try Self.document(bring(1, "--json"))
        #expect(first["replaced"] == JSONValue.null && first["unchanged"] == false, "\(first)")
        let digest = try #require(first["digest"]?.string)
        #expect(try bring(1).output.contains("  the tag was there already, and means the same\n"))
        let same = try Self.document(bring(1, "--json"))
        #expect(same["replaced"] == JSONValue.null && same["unchanged"] == true, "\(same)")
        if verb == "copy" {
            let dry = try bring(2, "--dry-run").output
            #expect(
                dry.contains("would move the tag \(host)/m:stable from \(digest.dropFirst(7).prefix(12))\n"), "\(dry)")
        }
        let moved = try bring(2).output
        #expect(moved.contains("  the tag moved: it was \(digest.dropFirst(7).prefix(12)) before\n"), "\(moved)")
        let back = try Self.document(bring(1, "--json"))
        #expect(back["replaced"]?.string?.hasPrefix("sha256:") == true && back["unchanged"] == false, "\(back)")
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
