import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite struct `A bundle as it is typed` {
    /// `two` has the layers of `one`, and more.
    private let home: Home

    init() throws {
        home = try Home()
        try home.makeModel("one")
        try home.makeModel("two", tensors: 9)
        for name in ["one", "two"] { try home.cake("import", home.path(name).path, name) }
    }

    private func saved(_ words: String...) throws -> JSONValue {
        let result = try home.cake(["save", "two", "-o", home.path("b.tar").path, "--force", "--json"] + words)
        #expect(result.status == 0, "\(words): \(result.errors)")
        return try JSONValue(parsing: Array(result.output.utf8).span)
    }

    @Test func `leaves out what a list, a store, a model here or one in a registry has`() throws {
        let whole = try saved()
        #expect(whole["layers_left_out"] == 0)
        #expect(
            try home.shell(
                "cd && $CAKE have one > list && $CAKE save one -o one.tar && $CAKE --store there load one.tar"
            ).status == 0)
        let served = try Served(home, "--push")
        let place = "127.0.0.1:\(served.port)/team/one:v1"
        #expect(try home.cake("push", "one", place).status == 0)
        let ways = [home.path("list").path, home.path("there").path, "one", place]
        let documents = try ways.map { try saved("--not-in", $0) }
        try served.end()
        let left = try #require(documents[0]["layers_left_out"]?.unsigned)
        #expect(left > 3)
        for (way, document) in zip(ways, documents) {
            #expect(document["layers_left_out"]?.unsigned == left, "\(way)")
            #expect(document["bytes_written"] == documents[0]["bytes_written"], "\(way)")
        }
        #expect(try home.shell("cd && $CAKE --store there load b.tar && $CAKE --store there verify").status == 0)
        let empty = try home.cake("--store", home.path("empty").path, "load", home.path("b.tar").path)
        #expect(empty.status == 10)
        #expect(empty.errors.contains("two was not loaded: the bundle leaves out \(left) layers"))
        #expect(empty.errors.contains("cake have > LIST; there: cake save two -o FILE --not-in LIST"))
    }

    @Test func `goes through pipes, and says nothing in them but itself`() throws {
        let piped = try home.shell(
            "cd && set -o pipefail && $CAKE save one two -o - | $CAKE --store there load - --json && $CAKE --store there ls --names"
        )
        #expect(piped.status == 0, "\(piped.errors)")
        #expect(piped.output.hasSuffix("one\ntwo\n"))
        let listed = try home.shell(
            "cd && set -o pipefail && $CAKE --store there have | $CAKE save two -o - --not-in - | $CAKE --store there load - --json"
        )
        #expect(listed.status == 0, "\(listed.errors)")
        #expect(try JSONValue(parsing: Array(listed.output.utf8).span)["layers_new"] == 0)
        let same = try home.shell(
            "cd && $CAKE save two -o two.tar && $CAKE save two -o - | cmp - two.tar && mkfifo p && ($CAKE save two -o p & cmp p two.tar)"
        )
        #expect(try home.shell("cd && $CAKE load p").errors.contains("is a pipe"))
        #expect(same.status == 0, "\(same.output)\(same.errors)")
        let parts = try home.shell(
            "cd && $CAKE save one two -o s.tar --split 150kB && ls s.tar.00[0-9] | wc -l && $CAKE --store parts load s.tar.* && cat s.tar.* | $CAKE --store joined load -"
        )
        #expect(parts.status == 0, "\(parts.errors)")
    }

    @Test func `is refused with what to type`() throws {
        let target = home.path("x.tar").path
        let rows: [(words: [String], status: Int32, says: String)] = [
            (["save", "one"], 2, "-o"),
            (["save", "nosuch", "-o", target], 10, "no model"),
            (["save", "one", "-o", target, "--not-in", "nosuch"], 10, "cake have > LIST"),
            (["save", "one", "-o", target, "--not-in", home.path("one/config.json").path], 2, "not a list of layers"),
            (["save", "one", "-o", target, "--not-in", home.path("one").path], 10, "no store in this folder"),
            (["save", "one", "-o", "-", "--split", "1GB"], 2, "--split is for a tar"),
            (["save", "one", "two", "-o", target, "--as", "image"], 2, "save the models one by one"),
            (["save", "one", "-o", home.path("two").path], 2, "for a bundle that is a folder"),
            (["save", "one", "-o", home.path("two").path + "/"], 1, "is not empty"),
            (["load", "-", "-"], 2, "standard input has one bundle"),
            (["load", home.path("nosuch.tar").path], 10, "nosuch.tar"),
            (["load", home.path("one/config.json").path], 2, "is not a bundle"),
        ]
        for (words, status, says) in rows {
            let result = try home.cake(words)
            #expect(
                result.status == status && result.errors.contains(says), "\(words): \(result.status) \(result.errors)")
        }
        #expect(!FileManager.default.fileExists(atPath: target))
    }
}
