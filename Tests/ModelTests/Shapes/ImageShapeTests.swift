import Model
import Testing

private let zero = "sha256:" + Digest(words: (0, 0, 0, 0)).hex

@Suite struct `A model's image` {
    private let files = try? ShapedFiles(["config.json": Array("{}\n".utf8)])

    private func image(on base: ImageBase? = nil) throws -> ShapedModel {
        let shaped = try #require(files)
        let plans = try ImageLayers.plans(of: shaped.files)
        return try ImageShape.model(plans, plans.map { sha256(shaped.bytes($0)) }, on: base, hash: sha256)
    }

    private func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }

    private func text(_ plan: BlobPlan) throws -> String { text(try #require(files).bytes(plan)) }

    @Test func `has the same bytes for the same files`() throws {
        let layer = "sha256:8fa7dc28636fc7dc3bf70362ba7f619eebd650928726a4370c68eb9fd683d091"
        let image = try image()
        let config = try text(image.config.plan)
        #expect(
            config == #"{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":["\#(layer)"]}}"#)
        let digest = sha256(Array(config.utf8)).hex
        #expect(
            text(image.manifest)
                == #"{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","#
                + #""config":{"mediaType":"application/vnd.oci.image.config.v1+json","digest":"sha256:\#(digest)","#
                + #""size":\#(config.utf8.count)},"#
                + #""layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar","digest":"\#(layer)","size":2560}]}"#
        )
    }

    private func base(
        _ layers: [(type: String, diff: String)], config: String = "", type: String = ImageShape.configType
    ) throws -> ImageBase {
        let named = layers.map { #"{"mediaType":"\#($0.type)","digest":"\#(zero)","size":7}"# }
        let manifest =
            #"{"schemaVersion":2,"config":{"mediaType":"\#(type)","digest":"\#(zero)","size":1},"layers":[\#(named.joined(separator: ","))]}"#
        let diffs = layers.map { "\"\($0.diff)\"" }.joined(separator: ",")
        let text =
            #"{"architecture":"arm64","os":"linux","variant":"v8","created":"2020-01-01T00:00:00Z","history":[{}],"#
            + #""config":{"Env":["PATH=/bin"],"User":"10"},"rootfs":{"type":"layers","diff_ids":[\#(diffs)]}\#(config)}"#
        return try ImageBase(
            RegistryManifest(parsing: Array(manifest.utf8).span), config: Array(text.utf8).span)
    }

    @Test func `lies on the layers of a base, and runs as the base does`() throws {
        let diff = "sha256:" + Digest(words: (0, 0, 0, 1)).hex
        let image = try image(
            on: base([
                ("application/vnd.docker.image.rootfs.diff.tar.gzip", diff),
                ("application/vnd.oci.image.layer.v1.tar+zstd", diff),
            ]))
        let config = try JSONValue(parsing: Array(text(image.config.plan).utf8).span)
        #expect(config.object?.members.map(\.key) == ["architecture", "os", "variant", "config", "rootfs"])
        #expect(config["architecture"] == "arm64" && config["config"]?["User"] == "10")
        let own = image.layers.map { JSONValue.string($0.descriptor.name.description) }
        #expect(config["rootfs"]?["diff_ids"] == .array([.string(diff), .string(diff)] + own))
        let layers = try JSONValue(parsing: image.manifest.span)["layers"]?.array ?? []
        #expect(
            layers.map { $0["mediaType"] } == [
                "application/vnd.oci.image.layer.v1.tar+gzip", "application/vnd.oci.image.layer.v1.tar+zstd",
                "application/vnd.oci.image.layer.v1.tar",
            ])
        #expect(image.below.count == 2 && image.layers.count == 1)
    }

    @Test(arguments: [
        ("application/vnd.oci.image.layer.v1.tar", "sha256:1", ImageShape.configType, "where a digest should be"),
        ("application/vnd.cncf.model.weight.v1.raw", zero, ImageShape.configType, "none of an image"),
        ("application/vnd.oci.image.layer.v1.tar", zero, "application/vnd.cake.model.config.v1+json", "is no image"),
    ])
    func `lies on nothing that is no image`(layer: String, diff: String, config: String, why: String) throws {
        let error = #expect(throws: CakeError.self) { try base([(layer, diff)], type: config) }
        #expect(error?.what.contains(why) == true, "\(error?.what ?? "")")
    }

    @Test func `lies on the image for the usual machine, among those of an index`() throws {
        func entry(_ architecture: String, _ digit: Int) -> String {
            #"{"digest":"sha256:\#(String(repeating: "\(digit)", count: 64))","platform":{"os":"linux","architecture":"\#(architecture)"}}"#
        }
        func choice(_ entries: String...) throws -> String {
            let text = #"{"manifests":[\#(entries.joined(separator: ","))]}"#
            return String(try ImageBase.choice(in: JSONValue(parsing: Array(text.utf8).span)).hex.prefix(2))
        }
        #expect(try choice(entry("arm64", 1), entry("amd64", 2)) == "22")
        #expect(try choice(entry("arm64", 1)) == "11")
        #expect(throws: CakeError.self) { try choice(entry("arm64", 1), entry("ppc64le", 2)) }
        #expect(throws: CakeError.self) { try choice() }
    }
}
