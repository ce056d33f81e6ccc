import Foundation
import Model
import Support
import Testing

@testable import cake

/// A name that led to two models, one after the other.
func twoVersions() throws -> (home: Home, first: String, second: String) {
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

@Suite struct `A model that is renamed onto another` {
    @Test func `keeps the pins and the earlier versions of both`() throws {
        let (home, first, second) = try twoVersions()
        try home.makeModel("other", seed: 3)
        try home.cake("import", home.path("other").path)
        try home.cake("pin", "acme/tune")
        #expect(try home.cake("mv", "other", "acme/tune", "--force").status == 0)
        #expect(try versions(of: "acme/tune", in: home).dropFirst().map(\.id) == [second, first])
        #expect(try home.cake("ls", "--filter", "pinned=yes", "--names").output == "acme/tune\n")
        // Onto a name of the same model nothing is asked, and nothing is lost.
        try home.cake("tag", "acme/tune", "twin")
        #expect(try home.cake("mv", "twin", "acme/tune").status == 0)
        #expect(try versions(of: "acme/tune", in: home).count == 3)
        #expect(try home.cake("rm", "acme/tune").status == 1, "the pin is gone")
    }

    @Test func `stays while collections run beside it`() throws {
        let (home, _, _) = try twoVersions()
        // More names make the time longer in which a collection reads them.
        for number in 0..<40 { try home.cake("tag", "acme/tune", "name\(number)") }
        try home.makeModel("mine", seed: 9)
        try home.cake("import", home.path("mine").path, "a0")
        let said = try home.shell(
            "cd ~ && for i in $(seq 30); do $CAKE gc --now -q || exit 1; done & cd ~ && "
                + "for i in $(seq 15); do $CAKE mv a0 z0 && $CAKE mv z0 a0 || exit 1; done; wait $!")
        #expect(said.status == 0, "\(said.errors)")
        #expect(try home.cake("verify", "a0").status == 0)
        #expect(try home.cake("export", "a0", "-o", home.path("back").path).status == 0)
    }

    @Test(arguments: [["tag", "other", "org/closed", "--force"], ["mv", "other", "org/closed", "--force"]])
    func `cannot replace a model that a mirror keeps for a few of its clients`(_ words: [String]) throws {
        let home = try Home()
        try home.makeModel("other")
        try home.makeModel("closed", seed: 2)
        try home.cake("import", home.path("other").path)
        try home.cake("import", home.path("closed").path, "org/closed")
        let record = home.store.appending(path: "names/org%2Fclosed")
        try Data((String(contentsOf: record, encoding: .utf8) + "mark mirrored-closed\n").utf8).write(to: record)
        let refused = try home.cake(words)
        #expect(refused.status == 1 && refused.errors.contains("fix: cake rm org/closed"), "\(refused.errors)")
        let opened = try home.cake(words[0], "org/closed", "mine")
        #expect(opened.status == 1 && opened.errors.contains("--force"), "\(opened.errors)")
        #expect(try home.cake("rm", "org/closed").status == 0)
        #expect(try home.cake(words).status == 0)
    }

    @Test func `is found in a history that a clock or a hand has bent`() throws {
        let (home, first, _) = try twoVersions()
        let record = home.store.appending(path: "names/acme%2Ftune")
        let text = try String(contentsOf: record, encoding: .utf8)
        try Data(text.replacing(/"until":\d+/, with: "\"until\":\(Int.max)").utf8).write(to: record)
        #expect(try versions(of: "acme/tune", in: home).map(\.state) == ["current", "until_gc"])
        try home.cake("gc")
        #expect(try home.cake("tag", "acme/tune@\(first.prefix(8))").status == 10)
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

@Suite struct `Several names` {
    private let home: Home

    init() throws {
        home = try Home()
        for (name, seed) in [("a", UInt64(1)), ("b", 2)] {
            try home.makeModel(name, seed: seed)
            try home.cake("import", home.path(name).path, "team/\(name)")
        }
    }

    @Test func `are inspected one after the other, as one document for a program`() throws {
        let both = try home.cake("inspect", "team/a", "team/b").output
        let alone = try ["team/a", "team/b"].map { try home.cake("inspect", $0).output }
        #expect(both == alone.joined(separator: "\n"))
        let documents =
            try home.cake("inspect", "team/a", "team/b", "--json", "--tensors").document() as? [[String: Any]]
        #expect(documents?.compactMap { $0["name"] as? String } == ["team/a", "team/b"])
        #expect((documents?.last?["tensors"] as? [Any])?.count == 8)
        #expect(try home.cake("inspect", "team/a", "--json").document() is [String: Any])
        #expect(try home.cake("inspect", "-t", "*.0.*", "team/a", "team/b").output.contains("model.layers.0.weight"))
        #expect(try home.cake("inspect", "team/a", "nix").status == 10)
    }

    @Test func `are exported to a folder or a file each`() throws {
        try home.cake("export", "team/a", "team/b", "-o", home.path("out").path)
        #expect(home.areEqual("out/team/a", "a") && home.areEqual("out/team/b", "b"))
        try home.cake("export", "team/a", "team/b", "--format", "fast", "-o", home.path("fast").path)
        #expect(try home.cake("verify", home.path("fast/team/b.pt").path).status == 0)
        let planned = try home.cake("export", "team/a", "team/b", "-o", "x", "--dry-run", "--json").document()
        #expect((planned as? [Any])?.count == 2)
    }

    @Test func `are refused before anything is written`() throws {
        let unknown = try home.cake("export", "team/a", "team/nix", "-o", home.path("out").path)
        #expect(unknown.status == 10 && !FileManager.default.fileExists(atPath: home.path("out").path))
        #expect(try home.cake("export", "team/a", "team/b", "-o", "-").status == 2)
        let path = try home.cake("export", "team/a", "./there")
        #expect(path.status == 2 && path.errors.contains("fix: cake export team/a -o ./there"))
    }
}

@Suite struct `The end of a registry's name` {
    @Test func `is enough where only one model has it`() throws {
        let home = try Home()
        try home.makeModel("one")
        for name in [
            "reg.example:5000/team/m:v1", "reg.example:5000/team/n:latest", "other.example/team/n:latest", "acme/tune",
        ] {
            try home.cake("import", home.path("one").path, name)
        }
        for typed in ["team/m:v1", "m:v1", "reg.example:5000/team/m:v1"] {
            #expect(try home.cake("inspect", typed).output.contains("reg.example:5000/team/m:v1"), "\(typed)")
        }
        let several = try home.cake("inspect", "team/n")
        #expect(several.status == 1 && several.errors.contains("other.example/team/n:latest"))
        #expect(try home.cake("inspect", "example:5000/team/m:v1").status != 0, "half a word is no end")
        #expect(try home.cake("rm", "tune").status == 10, "an account of the Hub is part of the name")
        #expect(try home.cake("mv", "m:v1", "mine").output == "renamed reg.example:5000/team/m:v1 to mine\n")
    }
}
