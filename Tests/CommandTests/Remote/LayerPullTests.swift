import Foundation
import Model
import Support
import Testing
import Transfer

@testable import cake

/// A cake that pulls from a cake that serves.
@Suite struct `A pull from a server of cake's` {
    @Test func `says what comes as layers and from where, before and after, and brings the files to the bit`() throws {
        let (rack, user) = (try Home(), try Home())
        let base = try rack.makeModel("base", tensors: 6, of: 1 << 19)
        let tune = rack.path("tune")
        try FileManager.default.copyItem(at: base, to: tune)
        let file = tune.appending(path: "model.safetensors")
        var bytes = Array(try Data(contentsOf: file))
        for place in stride(from: bytes.count - (1 << 20), to: bytes.count, by: 514) { bytes[place] ^= 1 }
        try Data(bytes).write(to: file)
        for (folder, name) in [(base, "team/base"), (tune, "team/tune")] {
            let done = try rack.cake("import", folder.path, name)
            try #require(done.status == 0, "\(done.errors)")
        }
        let server = try Served(rack)
        let place = "127.0.0.1:\(server.port)"
        func pull(_ words: String...) throws -> Tool {
            let done = try Tool.run(
                Tool.cake, ["pull"] + words,
                variables: ["HOME": user.folder.path, "HF_ENDPOINT": "http://\(place)"])
            #expect(done.status == 0, "\(words): \(done.errors)")
            return done
        }
        _ = try pull("team/base", "-q")
        let dry = try pull("team/tune", "--dry-run").output
        #expect(
            dry.contains("would download") && dry.contains("as layers from \(place)")
                && !dry.contains("would download 6"))
        let report = try JSONValue(parsing: Array(try pull("team/tune", "--json").output.utf8).span)
        let layers = try #require(report["bytes_as_layers"]?.unsigned)
        // One tensor's difference, and the header.
        #expect(layers > 0 && layers < 300_000)
        #expect(try #require(report["bytes_fetched"]?.unsigned) < layers + 80_000)
        let saved = report["bytes_reused"]
        #expect(saved?[Pull.Proof.published.rawValue]?.unsigned ?? 0 >= 5 << 20)
        #expect(try user.cake("export", "team/tune", "-o", user.path("back").path, "-q").status == 0)
        #expect(try Data(contentsOf: user.path("back/model.safetensors")) == Data(bytes))
        #expect(try user.cake("rm", "team/tune").status == 0)
        #expect(try user.cake("gc", "--grace", "0s").status == 0)
        #expect(try pull("team/tune").output.contains("as layers from \(place)"))
    }
}
