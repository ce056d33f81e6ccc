import Foundation
import Support
import Testing

@Suite struct `A first hour` {
    private let home: Home

    init() throws { home = try Home() }

    @Test func `begins with an empty store, which is no failure and makes nothing`() throws {
        for words in [["ls"], ["df"], ["verify"], ["gc"]] {
            let result = try Tool.run(Tool.cake, words, variables: ["HOME": home.folder.path])
            #expect(result.status == 0, "\(words): \(result.errors)")
        }
        #expect(try home.cake("ls").errors.contains("cake import PATH"))
        #expect(!FileManager.default.fileExists(atPath: home.store.path))
    }

    @Test func `brings a folder in and out again, bit for bit`() throws {
        try home.makeModel("tiny")
        let imported = try home.cake("import", home.path("tiny").path)
        #expect(imported.status == 0)
        #expect(imported.output.hasPrefix("imported tiny  "))
        #expect(try home.cake("ls").output.contains("\ntiny "))
        let exported = try home.cake("export", "tiny", "-o", home.path("back").path)
        #expect(exported.status == 0, "\(exported.errors)")
        #expect(home.areEqual("tiny", "back"))
        let again = try home.cake("export", "tiny", "-o", home.path("back").path)
        #expect(again.output.contains("2 files were there already"))
    }

    @Test func `tells what an import would bring without bringing it`() throws {
        let tiny = try home.makeModel("tiny")
        let result = try home.cake("import", tiny.path, "--dry-run")
        #expect(result.output.hasPrefix("would import tiny "))
        #expect(try home.objects() == [])
        #expect(try home.cake("ls", "--names").output == "")
    }

    @Test func `brings a single file in, called after the file or after the folder around it`() throws {
        let model = try home.makeModel("tiny").appending(path: "model.safetensors")
        try FileManager.default.copyItem(at: model, to: home.path("other.safetensors"))
        #expect(try home.cake("import", model.path).output.hasPrefix("imported tiny "))
        #expect(try home.cake("import", home.path("other.safetensors").path).output.hasPrefix("imported other "))
        #expect(try home.cake("ls", "--names").output == "other\ntiny\n")
    }

    @Test func `brings every model of a Hub cache in, under its name there`() throws {
        for (model, commit) in [("one", "aaaa"), ("two", "bbbb")] {
            let repository = "hub/models--team--\(model)"
            try home.makeModel("\(repository)/blobs", seed: model == "one" ? 1 : 2)
            let snapshot = home.path("\(repository)/snapshots/\(commit)")
            try FileManager.default.createDirectory(at: snapshot, withIntermediateDirectories: true)
            for name in ["model.safetensors", "config.json"] {
                try FileManager.default.createSymbolicLink(
                    atPath: snapshot.appending(path: name).path, withDestinationPath: "../../blobs/\(name)")
            }
        }
        let result = try home.cake("import", home.path("hub").path)
        #expect(result.status == 0, "\(result.errors)")
        #expect(try home.cake("ls", "--names").output == "team/one\nteam/two\n")
        try home.cake("export", "team/two", "-o", home.path("back").path)
        #expect(home.areEqual("hub/models--team--two/blobs", "back"))
    }

    @Test func `forgives a slip of the finger with a suggestion`() throws {
        try home.cake("import", home.makeModel("mistral-ft").path)
        let slip = try home.cake("export", "mistral-fr", "-o", home.path("back").path)
        #expect(slip.status == 10)
        #expect(slip.errors == "cake: no model \"mistral-fr\" in the store\nfix: did you mean mistral-ft?\n")
        #expect(try home.cake("exprot", "x").errors.contains("did you mean cake export?"))
        #expect(try home.cake("ls", "--jsn").errors.contains("did you mean --json?"))
    }

    @Test func `does not write over other content unless that is meant`() throws {
        try home.cake("import", home.makeModel("tiny").path)
        try home.makeModel("other", seed: 2)
        let refused = try home.cake("export", "tiny", "-o", home.path("other").path)
        #expect(refused.status == 1)
        #expect(refused.errors.contains("other content"))
        #expect(refused.errors.contains("--force"))
        #expect(!home.areEqual("tiny", "other"))
        #expect(try home.cake("export", "tiny", "-o", home.path("other").path, "--force").status == 0)
        #expect(home.areEqual("tiny", "other"))
    }

    @Test func `clears away what a killed export left, even when all its files are there`() throws {
        try home.cake("import", home.makeModel("tiny").path)
        try home.cake("export", "tiny", "-o", home.path("back").path)
        try FileManager.default.createDirectory(
            at: home.path("back/.cake-export-killed"), withIntermediateDirectories: true)
        try Data().write(to: home.path("back/.cake-export-killed/lock"))
        #expect(!home.areEqual("tiny", "back"))
        try home.cake("export", "tiny", "-o", home.path("back").path)
        #expect(home.areEqual("tiny", "back"))
    }

    @Test func `keeps what is pinned`() throws {
        try home.cake("import", home.makeModel("tiny").path)
        try home.cake("pin", "tiny")
        let refused = try home.cake("rm", "tiny")
        #expect(refused.status == 1)
        #expect(refused.errors.contains("tiny is pinned") && refused.errors.contains("cake unpin tiny"))
        try home.cake("unpin", "tiny")
        #expect(try home.cake("rm", "tiny").status == 0)
        #expect(try home.cake("ls", "--names").output == "")
    }

    @Test func `frees what no model needs, and nothing else`() throws {
        try home.cake("import", home.makeModel("one", tensors: 8).path)
        try home.cake("import", home.makeModel("two", tensors: 9).path)
        try home.cake("rm", "one")
        #expect(try home.cake("gc").output.contains("freed"))
        #expect(try home.cake("export", "two", "-o", home.path("back").path).status == 0)
        #expect(home.areEqual("two", "back"))
        try home.cake("rm", "two")
        try home.cake("gc")
        #expect(try home.objects() == [])
    }
}

@Suite struct `The exit status` {
    private let home: Home

    init() throws { home = try Home() }

    @Test func `is 2 for words that mean nothing`() throws {
        #expect(try home.cake("fly").status == 2)
        #expect(try home.cake("export", "tiny").status == 2)
        #expect(try home.cake("ls", "--sort", "colour").status == 2)
        #expect(try home.cake("gc", "--grace", "soon").status == 2)
    }

    @Test func `is 10 for what is not there`() throws {
        #expect(try home.cake("import", home.path("nowhere").path).status == 10)
        #expect(try home.cake("rm", "nothing").status == 10)
    }

    @Test func `is 11 for damage, and the next import mends it`() throws {
        try home.cake("import", home.makeModel("tiny").path)
        for object in try home.objects() {
            var bytes = try Data(contentsOf: object)
            bytes[bytes.count / 2] ^= 1
            try bytes.write(to: object)
        }
        let exported = try home.cake("export", "tiny", "-o", home.path("back").path)
        #expect(exported.status == 11)
        #expect(exported.errors.contains("import or pull the model again"))
        #expect(try home.cake("verify").status == 11)
        #expect(try home.cake("import", home.path("tiny").path).status == 0)
        #expect(try home.cake("verify").status == 0)
        #expect(try home.cake("export", "tiny", "-o", home.path("back").path).status == 0)
        #expect(home.areEqual("tiny", "back"))
    }

    @Test func `is 11 for a file that is not what it claims to be`() throws {
        try home.makeModel("tiny")
        let file = home.path("tiny/model.safetensors")
        try Data(contentsOf: file).dropLast(1).write(to: file)
        let refused = try home.cake("import", home.path("tiny").path)
        #expect(refused.status == 11)
        #expect(refused.errors.contains("--lenient"))
        #expect(try home.cake("import", home.path("tiny").path, "--lenient").status == 0)
    }

    /// In a mount namespace of its own: only root may, and the mounts are gone with the shell.
    private static let canMount =
        (try? Tool.run("unshare", ["--mount", "sh", "-c", "mount -t tmpfs none /mnt"]).status) == 0

    @Test(.enabled(if: canMount)) func `is 14 for what does not fit, before a byte of it is written`() throws {
        try home.makeModel("large", tensors: 16, of: 1 << 20)
        let result = try Tool.run(
            "unshare",
            [
                "--mount", "bash", "-c",
                """
                cd '\(home.folder.path)'; cake='\(Tool.cake.path)'; mkdir disk; mount -t tmpfs -o size=8m none disk || exit
                export CAKE_HOME=$PWD/disk/store
                $cake ls -q; $cake import large -q; echo import $?; find disk -type f -size +1k | wc -l
                """,
            ], variables: ["HOME": home.folder.path])
        #expect(result.output == "import 14\n0\n", "\(result.errors)")
        #expect(result.errors.contains("needs about") && result.errors.contains("cake gc"))
    }

    @Test(.enabled(if: canMount)) func `is 14 on a full disk, where what needs no room still works`() throws {
        try home.makeModel("large", tensors: 16, of: 1 << 20)
        try home.makeModel("small", seed: 2)
        let result = try Tool.run(
            "unshare",
            [
                "--mount", "bash", "-c",
                """
                cd '\(home.folder.path)'; cake='\(Tool.cake.path)'; mkdir disk; mount -t tmpfs -o size=20m none disk || exit
                export CAKE_HOME=$PWD/disk/store
                $cake import small -q; $cake import large -q; echo import $?
                head -c 30000000 /dev/zero > disk/filler 2>/dev/null
                for words in ls verify 'export small -o back' 'rm small' gc; do $cake $words >/dev/null; echo $words $?; done
                rm disk/filler; $cake import small -q; echo again $?
                """,
            ], variables: ["HOME": home.folder.path])
        #expect(
            result.output == """
                import 14
                ls 0
                verify 0
                export small -o back 0
                rm small 0
                gc 0
                again 0

                """, "\(result.errors)")
        #expect(result.errors.contains("free some space"))
        #expect(home.areEqual("small", "back"))
    }
}
