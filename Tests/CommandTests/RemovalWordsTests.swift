import Foundation
import Model
import Store
import Support
import Testing

@testable import cake

/// `cake rm` and `cake gc` say the same numbers, and what stays.
@Suite struct `Words about what a removal frees` {
    private func number(_ text: String, after words: String) -> String? {
        guard let start = text.range(of: words)?.upperBound else { return nil }
        return text[start...].split(whereSeparator: \.isNewline).first.map {
            $0.split(separator: " ").prefix(2).joined(separator: " ")
        }
    }

    private func family() throws -> Home {
        let home = try Home()
        try home.makeModel("base", tensors: 3, of: 1 << 20)
        let base = home.path("base/model.safetensors")
        for name in ["one", "two"] {
            let folder = home.path(name)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            var bytes = Array(try Data(contentsOf: base))
            for place in stride(from: 4096 + 2 * name.utf8.count, to: bytes.count, by: name == "one" ? 34 : 38) {
                bytes[place] ^= 1
            }
            try Data(bytes).write(to: folder.appending(path: "model.safetensors"))
        }
        for name in ["base", "one", "two"] { try home.cake("import", home.path(name).path) }
        return home
    }

    @Test func `rm and gc agree, and name what keeps the rest`() throws {
        let home = try family()
        let planned = try home.cake("rm", "base", "--dry-run").output
        let could = try #require(number(planned, after: "cake gc could then free "))
        #expect(
            planned.hasPrefix("would remove base  ")
                && planned.contains(" would stay: layers of other models are deltas"))
        let removed = try home.cake("rm", "base").output
        #expect(number(removed, after: "cake gc can free ") == could)
        #expect(
            removed.contains(
                " stays: layers of other models are deltas against it; cake gc --rebase can free part of it"))
        let stays = try #require(removed.split(separator: "\n").last).split(separator: " ").prefix(2).joined(
            separator: " ")
        #expect(try home.cake("df").output.contains(stays))
        let wanted = try home.cake("gc", "--dry-run").output
        #expect(number(wanted, after: "would free ") == could && number(wanted, after: "kept ") == stays)
        let freed = try home.cake("gc").output
        #expect(number(freed, after: "freed ") == could && number(freed, after: "kept ") == stays)
        let document = try home.cake("gc", "--dry-run", "--json").output
        #expect(document.contains("\"kept_bases\": 3") || document.contains("\"kept_bases\":3"), "\(document)")
        let promised = try home.cake("gc", "--rebase", "--dry-run").output
        let rebased = try home.cake("gc", "--rebase").output
        #expect(number(promised, after: "would free ") == number(rebased, after: "freed "))
        #expect(
            rebased.contains("by re-encoding 6 deltas against other bases") && !rebased.contains("kept "), "\(rebased)")
        #expect(try home.cake("verify").status == 0)
        #expect(try home.cake("gc", "--rebase").output == "nothing to collect\n")
    }

    @Test func `rm of a model that keeps nothing says one number`() throws {
        let home = try family()
        let removed = try home.cake("rm", "two").output
        let freed = try #require(number(removed, after: "cake gc can free "))
        let lines = removed.split(separator: "\n")
        #expect(lines.count == 3 && lines[0].hasPrefix("removed two  ") && lines[2] == "cake gc can free \(freed)")
        // What it says about the way back is true.
        let back = lines[1].split(separator: " ").map(String.init)
        #expect(try home.cake(Array(back[1...3])).status == 0 && home.cake("rm", "two").status == 0)
        #expect(try home.cake("gc").output.hasPrefix("freed \(freed) in "))
        let document = try ModelFolder.document(try home.cake("rm", "one", "--json", "-q"))
        #expect(document["names"]?.array?.first == "one" && document["dry_run"] == false)
        let bytes = try #require(document["bytes"]?.unsigned)
        #expect(home.cakeDocument("gc", "--dry-run")?["bytes"]?.unsigned == bytes)
    }

    /// What a model has alone, in whole blocks of the disk, is what rm and gc say: only its manifest comes on top.
    @Test func `ls, df, rm and gc count alike`() throws {
        let home = try family()
        func count(_ words: [String], _ key: String) throws -> UInt64 {
            let document = try ModelFolder.document(try home.cake(words + ["--json"]))
            return try #require((document.array?.first ?? document)[key]?.unsigned)
        }
        let alone = try count(["ls", "two"], "bytes_alone")
        let before = try count(["df"], "bytes_at_rest")
        let freed = try count(["rm", "two"], "bytes")
        #expect(alone % 4096 == 0 && freed - alone == 4096)
        #expect(try before - count(["df"], "bytes_at_rest") == alone)
        #expect(try count(["df"], "bytes_unneeded") == alone)
        #expect(try count(["gc"], "bytes") == freed)
        #expect(try count(["df"], "bytes_unneeded") == 0)
        let stays = try count(["rm", "base"], "kept_base_bytes")
        #expect(try count(["df"], "bytes_bases") == stays && count(["gc"], "kept_base_bytes") == stays)
    }

    @Test func `--rebase is offered until it was tried in vain, and again when the deltas are others`() throws {
        let home = try Home()
        try home.makeModel("base", tensors: 2, of: 1 << 20)
        let bytes = Array(try Data(contentsOf: home.path("base/model.safetensors")))
        try home.cake("import", home.path("base").path)
        // Far from each other, and near to the base.
        for tune in UInt64(0)..<5 {
            var (changed, random) = (bytes, Randomness(seed: tune))
            for _ in 0..<100_000 { changed[(4096 + Int(random.next() % UInt64(bytes.count - 4096))) & ~1] ^= 1 }
            let folder = home.path("tune\(tune)")
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            try Data(changed).write(to: folder.appending(path: "model.safetensors"))
            if tune < 4 { try home.cake("import", folder.path) }
        }
        let offer = "cake gc --rebase can free part of it"
        let settled = "cake gc --rebase found nothing to save there"
        #expect(try home.cake("rm", "base").output.contains(offer))
        #expect(try home.cake("gc").output.contains(offer))
        #expect(try home.cake("gc", "--rebase").output.contains("re-encoding more would not save space"))
        let said = try home.cake("gc").output
        #expect(said.contains("kept ") && said.contains(settled) && !said.contains(offer), "\(said)")
        // The same base again.
        try home.cake("import", home.path("base").path)
        #expect(try home.cake("rm", "base").output.contains(settled))
        try home.cake("import", home.path("tune4").path)
        #expect(try home.cake("gc").output.contains(offer))
    }

    @Test func `what a running command uses is said, with its size`() throws {
        let home = try Home()
        try home.makeModel("one", tensors: 2, of: 1 << 20)
        try home.cake("import", home.path("one").path)
        let store = try LocalStore(at: home.store.path, pool: testPool)
        let named = try store.find("one")
        let held = try #require(try Usage(of: store).models.first).atRest
        let operation = try Store.Operation(store)
        try operation.hold(manifest: named.record.manifest)
        let size = Quantities.bytes(held)
        #expect(
            try home.cake("rm", "one", "--dry-run").output.contains(
                "\(size) would stay until the commands end that use it now"))
        #expect(try home.cake("rm", "one").output.contains("\(size) stays until the commands end that use it now"))
        let kept = try home.cake("gc").output
        #expect(kept.contains("kept \(size) in 4 layers that running commands use"), "\(kept)")
        #expect(home.cakeDocument("gc", "--dry-run")?["kept_held_bytes"]?.unsigned == held)
        withExtendedLifetime(operation) {}
    }

    @Test func `what a client of the server got is said, with its size, and gc --now frees it`() throws {
        let home = try Home()
        try home.makeModel("one", tensors: 2, of: 1 << 20)
        try home.cake("import", home.path("one").path)
        let server = try Served(home)
        let other = try Home()
        try #require(try other.cake("pull", "127.0.0.1:\(server.port)/one").status == 0)
        try server.end()
        let df = try #require(home.cakeDocument("df"))
        let shared = try #require(df["bytes_registry_shared"]?.unsigned)
        #expect(
            try shared > 1 << 20 && home.cake("df").output.contains("\(Quantities.bytes(shared)) more are the models'"))
        #expect(
            try home.cake("verify").output.contains("1 pack, 1 manifest, ")
                && home.cakeDocument("verify")?["registry"]?["bytes_shared"]?.unsigned == shared)
        let planned = try home.cake("rm", "one", "--dry-run").output
        let removed = try home.cake("rm", "one").output
        let stays = try #require(removed.split(separator: "\n").first { $0.contains("for clients of cake serve") })
        let size = stays.split(separator: " ").prefix(2).joined(separator: " ")
        #expect(planned.contains("\(size) would stay for a day for clients of cake serve, which got 1 manifest"))
        for words in [["gc", "--dry-run"], ["gc"], ["gc"]] {
            let said = try home.cake(words).output
            #expect(said.contains("kept \(size) of the registry for clients of cake serve"), "\(words): \(said)")
        }
        let promised = try #require(home.cakeDocument("gc", "--now", "--dry-run")?["registry_bytes"]?.unsigned)
        let freed = try #require(home.cakeDocument("gc", "--now")?["registry_bytes"]?.unsigned)
        #expect(freed == promised && freed > 1 << 20)
        #expect(try home.cake("gc", "--now").output == "nothing to collect\n")
    }
}
