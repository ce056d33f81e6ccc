import Model
import Platform
import Store
import Support
import Testing
import Transfer

@Suite struct `A model saved for other tools` {
    private func write(_ shape: WrittenShape, of luggage: Luggage, to path: String) async throws -> ShapedSave.Report {
        let store = luggage.shelf.store
        let named = try store.find("org/zbase")
        let model = try await store.shaped(named, as: shape)
        return try await ShapedSave(named, model, from: store, progress: Progress("save"))(
            to: path.hasSuffix("/")
                ? .folder(luggage[String(path.dropLast())])
                : .file(luggage[path], splitAt: nil, mayReplace: false))
    }

    @Test(arguments: WrittenShape.allCases) func `is an archive whose blobs are what their names say`(
        shape: WrittenShape
    ) async throws {
        try await onPool {
            let luggage = try await Luggage(elements: 30_000)
            let report = try await write(shape, of: luggage, to: "s.tar")
            let members = RawTar.read(try luggage.bytes("s.tar"))
            for (name, bytes) in members where name.hasPrefix("blobs/sha256/") {
                #expect(SHA256.digest(of: bytes.span).hex == String(name.dropFirst("blobs/sha256/".count)))
            }
            let text = try #require(members.first { $0.name == "index.json" }).bytes
            let index = try BundleIndex(parsing: text.span)
            #expect(index.entries.map(\.name) == [BlobName(report.digest)])
            #expect(index.entries[0].imageName == "localhost/org/zbase:latest")
            #expect(index.entries[0].reference == "latest")
            let docker = members.first { $0.name == "manifest.json" }
            #expect((docker != nil) == (shape == .image))
            if let docker {
                let text = docker.bytes
                let image = try #require(try JSONValue(parsing: text.span).array?.first)
                let paths = [image["Config"]?.string] + (image["Layers"]?.array ?? []).map(\.string)
                #expect(paths.count == 1 + report.layers)
                #expect(paths.allSatisfy { path in members.contains { $0.name == path } })
            }
            let loaded = try await luggage.other().load(luggage["s.tar"]).models
            #expect(loaded.map(\.name.string) == ["org/zbase"])
            #expect(loaded.first?.manifest == (try luggage.shelf.store.find("org/zbase").record.manifest))
            _ = try await write(shape, of: luggage, to: "layout/")
            for (name, bytes) in members { #expect(try luggage.bytes("layout/" + name) == bytes, "\(name)") }
        }
    }
}
