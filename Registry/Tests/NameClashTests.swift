import Model
import Platform
import Server
import Store
import Support
import Testing

/// Names of the store that a registry cannot distinguish.
@Suite struct `Names with one place in a registry` {
    private let scratch: Scratch
    private let shelf: Shelf

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
    }

    private func bring(_ name: String, seed: UInt64, time: Int) async throws {
        try await shelf.bring(ModelMaker.write(ModelMaker.small(seed: seed), to: scratch["of \(seed)"]), as: name)
        try shelf.store.update(ModelName(name), in: Operation(shelf.store)) { record in
            var record = record
            record?.time = time
            record?.commit = String(repeating: "\(seed)", count: 40)
            return record
        }
    }

    /// The name of the model that the tag leads to.
    private func served(_ stage: Stage, _ reference: String = "foo/manifests/latest") throws -> String? {
        let reply = try stage.ask("GET", "/v2/\(reference)")
        guard reply.status == 200 else { return nil }
        let model = try ModelArtifact(RegistryManifest(parsing: reply.body.span)).manifest.name.sha256
        return try shelf.store.names().first { $0.record.manifest == model }?.name.string
    }

    @Test func `is the exact one's, and is told of when the server starts`() async throws {
        try await bring("Foo", seed: 1, time: 10)
        try await bring("foo", seed: 2, time: 20)
        let stage = try Stage(scratch)
        #expect(try served(stage) == "foo")
        #expect(stage.server.notes.count == 1 && stage.server.notes[0].contains("foo:latest is foo; Foo has"))
        // Asked for by its commit, the other is refused with words.
        let other = try stage.ask("GET", "/v2/foo/manifests/\(String(repeating: "1", count: 40))")
        #expect(other.status == 404 && other.text.contains("Foo"))
        // A Hub distinguishes them.
        for name in ["Foo", "foo"] {
            #expect(try stage.ask("GET", "/api/models/\(name)").text.contains("\"id\":\"\(name)\""))
        }
    }

    @Test func `is else the first one's, by the time it was named and then by its bytes`() async throws {
        try await bring("FOO", seed: 1, time: 20)
        try await bring("Foo", seed: 2, time: 10)
        try await bring("größe", seed: 3, time: 10)
        try await bring("gräe", seed: 4, time: 10)
        let stage = try Stage(scratch)
        #expect(try served(stage) == "Foo")
        #expect(try served(stage, "gr-e/manifests/latest") == "gräe")
        #expect(stage.server.notes.count == 2)
        // One that would go before comes too late.
        try await bring("GR-E", seed: 5, time: 10)
        let again = try Stage(scratch)
        #expect(try served(again, "gr-e/manifests/latest") == "gräe")
        #expect(again.server.notes.count == 2)
    }

    @Test func `stays the one's that was served, until it is removed`() async throws {
        try await bring("Foo", seed: 1, time: 10)
        let stage = try Stage(scratch)
        #expect(stage.server.notes.isEmpty)
        #expect(try served(stage) == "Foo")
        try await bring("foo", seed: 2, time: 20)
        #expect(try served(stage) == "Foo")
        #expect(try served(Stage(scratch)) == "Foo")
        try shelf.remove("Foo")
        let reply = try stage.ask("GET", "/v2/foo/manifests/latest")
        #expect(reply.status == 404 && reply.code == "MANIFEST_UNKNOWN")
        #expect(reply.text.contains("foo:latest was Foo") && reply.text.contains("start cake serve again"))
        #expect(try stage.ask("GET", "/v2/_catalog").text == #"{"repositories":[]}"#)
        let again = try Stage(scratch)
        #expect(again.server.notes == ["foo:latest is foo now; it was Foo, which was removed"])
        #expect(try served(again) == "foo")
        #expect(try served(stage) == "foo")
        #expect(try Stage(scratch).server.notes.isEmpty)
    }

    @Test func `is the one's that is left when the other is removed`() async throws {
        try await bring("Foo", seed: 1, time: 10)
        try await bring("foo", seed: 2, time: 20)
        let stage = try Stage(scratch)
        try shelf.remove("Foo")
        #expect(try served(stage) == "foo")
        // A choice counts while there are several names.
        try shelf.remove("foo")
        #expect(try served(stage) == nil)
        try await bring("Foo", seed: 3, time: 30)
        #expect(try served(stage) == "Foo")
    }
}
