import Foundation
import Model
import Support
import Testing

@testable import cake

/// A name that led to two models, one after the other.
private func twoVersions() throws -> (home: Home, first: String, second: String) {
    let home = try Home()
    try home.makeModel("tune", seed: 1)
    try home.cake("import", home.path("tune").path, "acme/tune")
    try FileManager.default.copyItem(at: home.path("tune"), to: home.path("first"))
    try home.makeModel("tune", seed: 2)
    try home.cake("import", home.path("tune").path, "acme/tune")
    let ids = try versions(of: "acme/tune", in: home).map(\.id)
    return (home, try #require(ids.last), try #require(ids.first))
}

private func versions(of name: String, in home: Home) throws -> [(id: String, state: String)] {
    let document = try #require(try home.cake("history", name, "--json").document() as? [[String: Any]])
    let versions = try #require(document.first?["versions"] as? [[String: Any]])
    return versions.compactMap { version in
        (version["id"] as? String).flatMap { id in (version["state"] as? String).map { (id, $0) } }
    }
}

@Suite struct `The history of a name` {
    @Test func `shows the versions it had, the latest first, and how to bring one back`() throws {
        let (home, first, second) = try twoVersions()
        let shown = try home.cake("history", "acme/tune")
        let lines = shown.output.split(separator: "\n")
        #expect(lines.count == 3)
        #expect(lines[1].hasPrefix(second.prefix(8)) && lines[1].contains("current"))
        #expect(lines[2].hasPrefix(first.prefix(8)) && lines[2].contains("kept for 1 day"))
        #expect(shown.errors == "cake tag acme/tune@\(first.prefix(8)) brings that version back\n")
        #expect(try home.cake("history").output == shown.output)
        #expect(try home.cake("snapshots", "acme/tune").output == shown.output)
    }

    @Test func `outlives a collection for a day, and a tag brings it back bit for bit`() throws {
        let (home, first, second) = try twoVersions()
        let planned = try home.cake("gc", "--dry-run").output
        #expect(planned.contains("of earlier versions") && planned.contains("cake gc --now"))
        #expect(try home.cake("gc").output.contains("of earlier versions"))
        #expect(try home.cake("df").output.contains("earlier versions"))
        let back = try home.cake("tag", "acme/tune@\(first.prefix(7))")
        #expect(back.output == "acme/tune is \(first.prefix(8)) again; it was \(second.prefix(8))\n", "\(back.errors)")
        try home.cake("export", "acme/tune", "-o", home.path("back").path)
        #expect(home.areEqual("first", "back"))
        #expect(try versions(of: "acme/tune", in: home).map(\.id) == [first, second])
        // And forth.
        try home.cake("tag", "acme/tune@\(second.prefix(8))")
        #expect(try versions(of: "acme/tune", in: home).map(\.id) == [second, first])
        #expect(try home.cake("verify").status == 0)
    }

    @Test(arguments: ["gc --now", "gc --grace 0s"])
    func `ends with a collection that keeps nothing`(_ line: String) throws {
        let (home, first, _) = try twoVersions()
        let words = line.split(separator: " ").map(String.init)
        let planned = try home.cake(words + ["--dry-run"]).output
        let freed = try home.cake(words).output
        #expect(planned.hasPrefix("would free ") && freed.hasPrefix("freed "))
        #expect(planned.split(separator: " in ").last == freed.split(separator: " in ").last)
        #expect(try versions(of: "acme/tune", in: home).map(\.state) == ["current", "gone"])
        let gone = try home.cake("tag", "acme/tune@\(first.prefix(8))")
        #expect(gone.status == 10)
        #expect(gone.errors.contains("fix: "))
        #expect(try home.cake("gc", "--now").output == "nothing to collect\n")
    }

    @Test func `ends with the name`() throws {
        let (home, _, _) = try twoVersions()
        try home.cake("rm", "acme/tune")
        #expect(try home.cake("gc").output.hasPrefix("freed "))
        #expect(try home.objects() == [])
    }

    @Test func `is read wherever a model is named`() throws {
        let (home, first, second) = try twoVersions()
        let old = "acme/tune@\(first.prefix(7))"
        #expect(try home.cake("inspect", old).output.contains(first))
        #expect(try home.cake("diff", old, "acme/tune", "--exit-code").status == 1)
        #expect(try home.cake("verify", old).status == 0)
        #expect(try home.cake("cat", old, "config.json").status == 0)
        #expect(
            try home.cake("export", "acme/tune", "-r", String(first.prefix(7)), "-o", home.path("old").path).status == 0
        )
        #expect(home.areEqual("first", "old"))
        #expect(try home.cake("inspect", String(second.prefix(7))).output.contains(second))
    }

    @Test func `is no name that can be removed, pinned or renamed`() throws {
        let (home, first, _) = try twoVersions()
        let old = "acme/tune@\(first.prefix(8))"
        for words in [["rm", old], ["pin", old], ["unpin", old], ["mv", old, "other"], ["rm", "-f", old]] {
            let refused = try home.cake(words)
            #expect(refused.status == 2, "\(words)")
            #expect(refused.errors.contains("earlier version of acme/tune"), "\(words)")
        }
        #expect(try versions(of: "acme/tune", in: home).count == 2)
    }

    @Test func `goes with the name when that is renamed, and takes in what it replaces`() throws {
        let (home, first, second) = try twoVersions()
        try home.cake("pin", "acme/tune")
        #expect(try home.cake("mv", "acme/tune", "team/tune").output == "renamed acme/tune to team/tune\n")
        #expect(try home.cake("ls", "--names").output == "team/tune\n")
        #expect(try home.cake("ls", "--filter", "pinned=yes", "--names").output == "team/tune\n")
        #expect(try versions(of: "team/tune", in: home).map(\.id) == [second, first])
        try home.makeModel("other", seed: 3)
        try home.cake("import", home.path("other").path)
        let taken = try home.cake("mv", "team/tune", "other")
        #expect(taken.status == 1 && taken.errors.contains("--force"))
        #expect(try home.cake("mv", "team/tune", "other", "--force").status == 0)
        #expect(try versions(of: "other", in: home).count == 3)
        #expect(try home.cake("mv", "other", "other").status == 0)
        #expect(try home.cake("ls", "--names").output == "other\n")
    }

    @Test func `remembers a tag that moved, and no second time the same model`() throws {
        let (home, _, _) = try twoVersions()
        try home.cake("tag", "acme/tune", "production")
        try home.makeModel("other", seed: 3)
        try home.cake("import", home.path("other").path)
        for _ in 0..<3 {
            try home.cake("tag", "other", "production", "--force")
            try home.cake("tag", "acme/tune", "production", "--force")
        }
        #expect(try versions(of: "production", in: home).count == 2)
        #expect(try versions(of: "other", in: home).count == 1)
    }
}

@Suite struct `A pattern for names` {
    @Test func `stands for all names that match it`() throws {
        let home = try Home()
        try home.makeModel("one")
        for name in ["team/a", "team/b", "other"] { try home.cake("import", home.path("one").path, name) }
        #expect(try home.cake("pin", "team/*").output == "pinned team/a\npinned team/b\n")
        #expect(try home.cake("rm", "*").status == 1, "a pinned model was removed")
        #expect(try home.cake("ls", "--names").output == "other\nteam/a\nteam/b\n")
        #expect(try home.cake("unpin", "team/?", "team/a").output == "unpinned team/a\nunpinned team/b\n")
        #expect(try home.cake("rm", "team/[ab]", "--dry-run").output.contains("would remove team/b"))
        try home.cake("rm", "team/*")
        #expect(try home.cake("ls", "--names").output == "other\n")
        for verb in ["rm", "pin", "unpin"] {
            let none = try home.cake(verb, "team/*")
            #expect(none.status == 10 && none.errors.contains("no model matches \"team/*\""), "\(verb)")
        }
    }
}
