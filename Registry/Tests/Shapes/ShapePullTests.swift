import Foundation
import Model
import Platform
import Remote
import Store
import Support
import Testing
import Transfer

private typealias Layer = ShapeMaker.Layer

@Suite struct `A pull of a model that another tool pushed` {
    private let scratch: Scratch
    private let shelf: Shelf
    private let registry: ShapeRegistry

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
        registry = try ShapeRegistry()
    }

    private static func raw(_ files: ModelMaker.Files) -> [Layer] {
        files.sorted { $0.key < $1.key }.map { Layer(ShapeMaker.weight, path: $0.key, $0.value) }
    }

    /// The manifest that an import of the same files gives.
    private func imported(_ files: ModelMaker.Files) async throws -> Digest {
        let other = try Shelf(at: scratch["other"])
        return try await other.bring(ModelMaker.write(files, to: scratch["folder"]), as: "other")
    }

    @Test func `of a ModelPack is the model that an import makes, and remembers what it was`() async throws {
        let files = try ModelMaker.small()
        let digest = registry.put(ShapeMaker(ShapeMaker.modelPack, Self.raw(files)))
        let report = try await registry.pull(into: shelf)
        let wanted = try await imported(files)
        #expect(report.manifest == wanted)
        #expect(try await shelf.files(of: "model") == files)
        #expect(try await shelf.damages().isEmpty)
        let record = try shelf.store.find("model").record
        #expect(record.shape == .modelPack && record.source == "oci://\(registry.host)/a/b" && record.revision == "v1")
        #expect(record.commit == String(digest.dropFirst("sha256:".count)))
        #expect(report.layers == 4 && report.bytes == files.values.reduce(0) { $0 + UInt64($1.count) })
        // A model that comes to the name from elsewhere is no ModelPack.
        try await shelf.bring(ModelMaker.write(files, to: scratch["again"]), as: "model")
        #expect(try shelf.store.find("model").record.shape == nil)
    }

    @Test(arguments: LayerCoding.allCases)
    fileprivate func `takes archives of each shape apart, whatever their type says`(
        _ coding: LayerCoding
    ) async throws {
        let files = try ModelMaker.small()
        let wanted = try await imported(files)
        let (top, image) = (TarMaker(files).bytes, TarMaker(files, in: "models/").bytes)
        let (coded, codedImage) = (try coding.encode(top), try coding.encode(image))
        var makers = [
            ShapeMaker(
                ShapeMaker.modelPack, [Layer("application/vnd.cncf.model.weight.v1.tar\(coding.suffix)", coded)]),
            ShapeMaker(ShapeMaker.docker1, [Layer("application/vnd.docker.ai.dir.tar", coded)]),
            ShapeMaker(ShapeMaker.kit, [Layer("application/vnd.kitops.modelkit.model.v1.tar\(coding.suffix)", coded)]),
            ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer + coding.suffix, codedImage)]),
            // Docker calls a plain layer gzip.
            ShapeMaker(
                ShapeMaker.dockerImage, [Layer("application/vnd.docker.image.rootfs.diff.tar.gzip", codedImage)]),
        ]
        for index in makers.indices { makers[index].plainDigests = [ShapeMaker.digest(index < 3 ? top : image)] }
        for (number, maker) in makers.enumerated() {
            registry.put(maker, as: "v\(number)")
            let own = try Shelf(at: scratch["own\(number)"])
            let report = try await registry.pull("v\(number)", into: own)
            #expect(report.manifest == wanted, "\(maker.configType)")
            #expect(try await own.files(of: "model") == files)
            #expect(try own.entries("incoming").isEmpty)
        }
    }

    @Test func `lays the layers of an image one over the other`() async throws {
        var (base, next) = (TarMaker(), TarMaker())
        base.add("bin/sh", type: "2")
        base.add("models/", type: "5")
        base.add("models/config.json", Array("old".utf8))
        base.add("models/gone/a", [1])
        base.add("models/full/b", [2])
        base.add("models/kept", [3])
        base.end()
        next.add("./models/config.json", Array("new".utf8))
        next.add("models/.wh.gone")
        next.add("models/full/.wh..wh..opq")
        next.add("models/full/c", [4])
        next.end()
        registry.put(
            ShapeMaker(
                ShapeMaker.image,
                [Layer(ShapeMaker.tarLayer, base.bytes), Layer(ShapeMaker.tarLayer, next.bytes)]))
        try await registry.pull(into: shelf)
        let wanted: ModelMaker.Files = ["config.json": Array("new".utf8), "kept": [3], "full/c": [4]]
        #expect(try await shelf.files(of: "model") == wanted)
        // What the second layer replaced need not be here.
        registry.forget()
        let report = try await registry.pull(into: shelf)
        #expect(report.bytesFetched == 0 && registry.blobsAsked.count == 1)
    }

    @Test func `takes the entry of a list that is for this machine`() async throws {
        let files = try ModelMaker.packed(changed: 0..<0, seed: 1)
        let names = ["arm64", "amd64"].map { architecture in
            var files = files
            files["arch"] = Array(architecture.utf8)
            let maker = ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, TarMaker(files, in: "models/").bytes)])
            return (architecture, registry.put(maker, as: architecture), maker.manifest.count)
        }
        func list(size: (Int) -> Int = { $0 }) -> [UInt8] {
            let entries = names.map { architecture, name, count in
                #"{"mediaType":"\#(RegistryManifest.image)","digest":"\#(name)","size":\#(size(count)),"platform":{"os":"linux","architecture":"\#(architecture)"}}"#
            }
            return Array(
                #"{"schemaVersion":2,"mediaType":"\#(RegistryManifest.index)","manifests":[\#(entries.joined(separator: ","))]}"#
                    .utf8)
        }
        registry.put(manifest: list(), type: RegistryManifest.index, as: "all")
        try await registry.pull("all", into: shelf)
        #if arch(arm64)
            let own = "arm64"
        #else
            let own = "amd64"
        #endif
        #expect(try await shelf.files(of: "model")["arch"] == Array(own.utf8))
        let name = try #require(names.first { $0.0 == own })
        #expect("sha256:" + (try shelf.store.find("model").record.commit ?? "") == name.1)
        registry.put(manifest: list { $0 + 1 }, type: RegistryManifest.index, as: "lying")
        let error = await #expect(throws: CakeError.self) { try await registry.pull("lying", into: shelf) }
        #expect(error?.what.contains("and the list says") == true)
    }

    @Test func `downloads only files that are not here`() async throws {
        var files = try ModelMaker.small()
        let maker = ShapeMaker(ShapeMaker.modelPack, Self.raw(files))
        registry.put(maker)
        #expect(try await registry.outlook(into: shelf).layers == 4)
        try await registry.pull(into: shelf)
        registry.forget()
        let again = try await registry.pull(into: shelf)
        #expect(again.bytesFetched == 0 && again.layersFetched == 0 && again.bytesHere == again.bytes)
        #expect(registry.blobsAsked == [ShapeRegistry.name(maker.configBytes)])
        #expect(try await registry.outlook(into: shelf) == (0, 0))
        files["config.json"] = Array("{}".utf8)
        let tune = ShapeMaker(ShapeMaker.modelPack, Self.raw(files))
        registry.put(tune, as: "v2")
        registry.forget()
        #expect(try await registry.outlook("v2", into: shelf) == (2, 1))
        try await registry.pull("v2", into: shelf, as: "tune")
        let wanted = Set([tune.configBytes, Array("{}".utf8)].map(ShapeRegistry.name))
        #expect(registry.blobsAsked == wanted)
        #expect(try await shelf.files(of: "tune") == files)
    }

    @Test func `downloads an archive once, as long as its files are here`() async throws {
        let files = try ModelMaker.small()
        let layer = Layer(ShapeMaker.tarLayer, TarMaker(files, in: "models/").bytes)
        registry.put(ShapeMaker(ShapeMaker.image, [layer]))
        try await registry.pull(into: shelf)
        var more = TarMaker()
        more.add("models/card", [1])
        more.end()
        registry.put(ShapeMaker(ShapeMaker.image, [layer, Layer(ShapeMaker.tarLayer, more.bytes)]), as: "v2")
        registry.forget()
        let report = try await registry.pull("v2", into: shelf, as: "two")
        #expect(report.bytesFetched == UInt64(more.bytes.count) && report.layersFetched == 1)
        #expect(!registry.blobsAsked.contains(ShapeRegistry.name(layer.bytes)))
        #expect(try await shelf.files(of: "two").count == files.count + 1)
        // Without its files it is downloaded again.
        for name in ["model", "two"] { try shelf.remove(name) }
        try shelf.collect(isForced: true)
        try await registry.pull(into: shelf)
        #expect(try await shelf.files(of: "model") == files)
    }

    @Test func `takes equal tensors of a fine-tune from the store`() async throws {
        func files(_ seed: UInt64) throws -> ModelMaker.Files {
            let parts = (0..<8).map {
                ModelMaker.Part("layers.\($0).weight", bytes: 1 << 20, seed: $0 == 3 ? seed : UInt64($0))
            }
            return ["model.safetensors": try ModelMaker.safetensors(parts)]
        }
        registry.put(ShapeMaker(ShapeMaker.modelPack, Self.raw(try files(50))))
        registry.put(ShapeMaker(ShapeMaker.modelPack, Self.raw(try files(60))), as: "tune")
        try await registry.pull(into: shelf)
        let report = try await registry.pull("tune", into: shelf, as: "tune")
        #expect(report.bytesFetched < 3 << 20, "\(report.bytesFetched)")
        #expect(try await shelf.files(of: "tune") == files(60))
    }

    @Test func `goes on after the last whole archive when it was interrupted`() async throws {
        let parts = [ModelMaker.Part("a", bytes: 17 << 20, seed: 1)]
        let weights = TarMaker(["model.safetensors": try ModelMaker.safetensors(parts)], in: "models/").bytes
        let rest = TarMaker(["config.json": Array("{}".utf8)], in: "models/").bytes
        registry.put(
            ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, weights), Layer(ShapeMaker.tarLayer, rest)]))
        registry.lose([ShapeRegistry.name(rest)])
        await #expect(throws: CakeError.self) { try await registry.pull(into: shelf) { $0.mostConnections = 1 } }
        #expect(try shelf.names().isEmpty)
        registry.lose([])
        registry.forget()
        try await registry.pull(into: shelf)
        #expect(!registry.blobsAsked.contains(ShapeRegistry.name(weights)))
        #expect(try await shelf.files(of: "model").count == 2)
    }

    @Test func `works with a registry that ignores ranges`() async throws {
        registry.ignoreRanges()
        let parts = [ModelMaker.Part("a", bytes: 6 << 20, seed: 1)]
        let files = ["model.safetensors": try ModelMaker.safetensors(parts), "config.json": Array("{}".utf8)]
        registry.put(ShapeMaker(ShapeMaker.modelPack, Self.raw(files)))
        registry.put(
            ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, TarMaker(files, in: "models/").bytes)]), as: "v2")
        try await registry.pull(into: shelf)
        #expect(try await shelf.files(of: "model") == files)
        let other = try Shelf(at: scratch["second"])
        try await registry.pull("v2", into: other)
        #expect(try await other.files(of: "model") == files)
    }

    @Test func `does not take a name from another model, unless it is told to`() async throws {
        let files = try ModelMaker.small()
        try await shelf.bring(ModelMaker.write(try ModelMaker.small(seed: 9), to: scratch["mine"]), as: "model")
        registry.put(ShapeMaker(ShapeMaker.modelPack, Self.raw(files)))
        registry.put(
            ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, TarMaker(files, in: "models/").bytes)]), as: "v2")
        for tag in ["v1", "v2"] {
            let error = await #expect(throws: CakeError.self) { try await registry.pull(tag, into: shelf) }
            #expect(error?.what.contains("is another model") == true)
        }
        try await registry.pull(into: shelf) { $0.replacesName = true }
        #expect(try await shelf.files(of: "model") == files)
    }
}
