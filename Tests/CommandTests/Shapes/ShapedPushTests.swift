import Foundation
import Model
import Support
import Testing

@testable import cake

@Suite(.enabled(if: DockerRegistry.isThere, "docker-registry is not installed: scripts/test installs it"))
struct `A push in another tool's shape` {
    private let home: Home
    private let registry: DockerRegistry
    private var host: String { registry.host }

    init() throws {
        home = try Home()
        registry = try DockerRegistry()
        try home.makeModel("m", tensors: 8, of: 1 << 20)
        try #require(try home.cake("import", home.path("m").path, "m").status == 0)
    }

    private func document(_ words: String...) throws -> JSONValue {
        let tool = try home.cake(words + ["--json"])
        try #require(tool.status == 0, "\(tool.errors)")
        return try JSONValue(parsing: Array(tool.output.utf8).span)
    }

    private func get(_ address: String) throws -> [UInt8] {
        let reply = try Client(port: registry.port).ask(
            "GET", "/v2/\(address)", [("Accept", RegistryManifest.image)])
        try #require(reply.status == 200, "\(reply.text)")
        return reply.body
    }

    private func manifest(_ name: String, _ tag: String) throws -> RegistryManifest {
        let bytes = try get("\(name)/manifests/\(tag)")
        return try RegistryManifest(parsing: bytes.span)
    }

    @Test func `sends files of ModelPack once, and takes them from other repositories`() throws {
        let first = try document("push", "m", "\(host)/t/m:v1", "--as", "modelpack")
        #expect(first["shape"] == "modelpack" && first["layers"] == 2 && first["layers_sent"] == 2)
        let layers = try manifest("t/m", "v1").layers
        #expect(layers.count == 2 && layers[0].mediaType == "application/vnd.cncf.model.weight.v1.raw")
        let weights = try Data(contentsOf: home.path("m/model.safetensors"))
        #expect(try get("t/m/blobs/\(layers[0].name)") == Array(weights))
        let again = try document("push", "m", "\(host)/t/m:v1", "--as", "modelpack")
        #expect(again["unchanged"] == true && again["bytes_sent"] == 0 && again["layers_sent"] == 0)
        let other = try document("push", "m", "\(host)/t/other:v1", "--as", "modelpack")
        #expect(other["layers_mounted"] == 1 && other["layers_sent"] == 1)
        let native = try document("push", "m", "\(host)/t/m:v1")
        #expect(native["replaced"] == first["digest"])
    }

    @Test func `sends an image whose layers are the same the second time, and hashes nothing then`() throws {
        let dry = try document("push", "m", "\(host)/t/m:v1", "--as", "image", "--dry-run")
        let first = try document("push", "m", "\(host)/t/m:v1", "--as", "image")
        #expect(dry["layers_to_send"] == 2 && dry["digest"] == first["digest"])
        #expect(first["layers_sent"] == 2 && first["files"] == 2)
        let manifest = try manifest("t/m", "v1")
        #expect(manifest.artifactType == nil && manifest.layers.count == 2)
        for layer in manifest.layers {
            let tar = home.path("layer.tar")
            try Data(get("t/m/blobs/\(layer.name)")).write(to: tar)
            try #require(try Tool.run("tar", ["-C", home.folder.path, "-xf", tar.path]).status == 0)
        }
        #expect(home.areEqual("m", "models"))
        let again = try home.cake("push", "m", "\(host)/t/m:v1", "--as", "image")
        #expect(again.status == 0 && again.output.contains("as an image") && again.output.contains("named this model"))
    }

    @Test func `puts an image on the layers of another`() throws {
        // Any image is a base: of this one the layers hold no program. The last of them is the tune's, too.
        try #require(try home.cake("push", "m", "\(host)/base/m:v1", "--as", "image").status == 0)
        try home.makeModel("tune", seed: 2, tensors: 8, of: 1 << 20)
        try #require(try home.cake("import", home.path("tune").path, "tune").status == 0)
        let base = try manifest("base/m", "v1")
        let pushed = try document(
            "push", "tune", "\(host)/t/tune:v1", "--as", "image", "--image-base", "\(host)/base/m:v1")
        #expect(pushed["layers"] == 3 && pushed["layers_mounted"] == 2 && pushed["layers_sent"] == 1)
        let manifest = try manifest("t/tune", "v1")
        #expect(manifest.layers.map(\.name).prefix(2) == base.layers.map(\.name)[...])
        #expect(manifest.layers.count == 4 && manifest.layers[3].name == manifest.layers[1].name)
        let name = try #require(manifest.config).name
        let bytes = try get("t/tune/blobs/\(name)")
        let config = try JSONValue(parsing: bytes.span)
        #expect(
            config["rootfs"]?["diff_ids"]?.array == manifest.layers.map { .string($0.name.description) })
        let other = try DockerRegistry()
        let copied = try document(
            "push", "tune", "\(other.host)/t/tune:v1", "--as", "image", "--image-base", "\(host)/base/m:v1")
        #expect(copied["digest"] == pushed["digest"] && copied["layers_sent"] == 3)
    }

    @Test(arguments: [
        (["--as", "zip"], "modelpack"), (["--image-base", "h/x:1"], "--as image"),
        (["--as", "modelpack", "--image-base", "h/x:1"], "--as image"),
        (["--as", "image", "--base", "h/x"], "--base"), (["--as", "image", "--prove", "all"], "--prove"),
    ])
    func `refuses options that do not belong together`(options: [String], word: String) throws {
        let tool = try home.cake(["push", "m", "\(host)/t/m:v1"] + options)
        #expect(tool.status == 2 && tool.errors.contains(word), "\(tool.errors)")
    }

    @Test func `says what is no base image`() throws {
        try #require(try home.cake("push", "m", "\(host)/t/m:v1").status == 0)
        let tool = try home.cake(
            "push", "m", "\(host)/t/m:v2", "--as", "image", "--image-base", "\(host)/t/m:v1")
        #expect(tool.status != 0 && tool.errors.contains("is no image"), "\(tool.errors)")
    }
}
