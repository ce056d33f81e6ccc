import Foundation
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
        #expect(try home.cake("rm", "one", "--json").output.contains("\"one\""))
    }
}
