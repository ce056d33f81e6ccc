import Foundation
import Model
import Platform
import Remote
import Store
import Support
import Testing
import Transfer

private typealias Layer = ShapeMaker.Layer

/// A model that lies, and the words by which its pull ends.
private struct Lie: Sendable, CustomTestStringConvertible {
    let testDescription: String
    let words: String
    let make: @Sendable () throws -> ShapeMaker

    init(_ what: String, _ words: String, _ make: @escaping @Sendable () throws -> ShapeMaker) {
        (testDescription, self.words, self.make) = (what, words, make)
    }

    /// An image of one layer.
    init(
        archive what: String, _ words: String, coding: LayerCoding = .plain,
        _ fill: @escaping @Sendable (inout TarMaker) -> Void
    ) {
        self.init(what, words) {
            var tar = TarMaker()
            tar.add("models/config.json", Array("{}".utf8))
            fill(&tar)
            tar.end()
            var maker = ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, try coding.encode(tar.bytes))])
            maker.plainDigests = [ShapeMaker.digest(tar.bytes)]
            return maker
        }
    }
}

private let small = Array("{}".utf8)

private let lies: [Lie] = [
    Lie(archive: "an entry that climbs", "leads out of the folder") { $0.add("models/../../etc/passwd") },
    Lie(archive: "an entry outside that climbs", "leads out of the folder") { $0.add("../x") },
    Lie(archive: "an absolute entry", "absolute path") { $0.add("/models/a") },
    Lie(archive: "a doubled entry", "twice") { $0.add("models/config.json") },
    Lie(archive: "a doubled entry, spelled in two ways", "twice") { $0.add("./models/config.json") },
    Lie(archive: "a symbolic link", "a symbolic link") { $0.add("models/a", type: "2") },
    Lie(archive: "a hard link", "a hard link") { $0.add("models/a", type: "1") },
    Lie(archive: "a character device", "a device") { $0.add("models/a", type: "3") },
    Lie(archive: "a block device", "a device") { $0.add("models/a", type: "4") },
    Lie(archive: "a named pipe", "a named pipe") { $0.add("models/a", type: "6") },
    Lie(archive: "a sparse file", "a sparse file") { $0.add("models/a", type: "S") },
    Lie(archive: "an entry of an unknown type", "of type Z") { $0.add("models/a", type: "Z") },
    Lie(archive: "a link in the place of the model", "where the folder of the model should be") {
        $0.add("models", type: "2")
    },
    Lie(archive: "a file that is one with another on some disks", "the same file") { $0.add("models/CONFIG.json") },
    Lie(archive: "a size that goes past the end", "middle of an entry") { $0.header("models/a", size: "77777") },
    Lie(archive: "records that give two sizes", "two sizes") {
        $0.pax([("size", "7")])
        $0.add("models/a", [1])
    },
    Lie("a layer that is no archive", "checksum") {
        ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, Array(repeating: 7, count: 2000))])
    },
    Lie("a gzip bomb", "which no model does") {
        let plain = [UInt8](repeating: 0, count: 96 << 20)
        let bytes = try LayerCoding.gzip.encode(plain)
        var tar = TarMaker()
        tar.header("models/zeros", size: String(plain.count, radix: 8))
        // A second member goes on where the first one stopped.
        var maker = ShapeMaker(
            ShapeMaker.image, [Layer(ShapeMaker.tarLayer, try LayerCoding.gzip.encode(tar.bytes) + bytes)])
        maker.plainDigests = [ShapeMaker.digest(small)]
        return maker
    },
    Lie("a zstd bomb", "which no model does") {
        let frame = try LayerCoding.zstd.encode([UInt8](repeating: 0, count: 8 << 20))
        var tar = TarMaker()
        tar.header("models/zeros", size: String(512 << 20, radix: 8))
        let bytes = try LayerCoding.zstd.encode(tar.bytes) + Array(repeating: frame, count: 64).flatMap(\.self)
        var maker = ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, bytes)])
        maker.plainDigests = [ShapeMaker.digest(small)]
        return maker
    },
    Lie("gzip that is cut off", "ends in the middle") {
        let bytes = try LayerCoding.gzip.encode(TarMaker(["a": small], in: "models/").bytes)
        return ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, Array(bytes.dropLast(9)))])
    },
    Lie("zstd that is cut off", "ends in the middle") {
        let bytes = try LayerCoding.zstd.encode(TarMaker(["a": small], in: "models/").bytes)
        return ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, Array(bytes.dropLast(2)))])
    },
    Lie("gzip with other bytes behind it", "gzip cannot decode") {
        let bytes = try LayerCoding.gzip.encode(TarMaker(["a": small], in: "models/").bytes)
        return ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, bytes + Array("garbage".utf8))])
    },
    Lie("gzip whose checksum is wrong", "gzip cannot decode") {
        var bytes = try LayerCoding.gzip.encode(TarMaker(["a": small], in: "models/").bytes)
        bytes[bytes.count - 6] ^= 1
        return ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, bytes)])
    },
    Lie("an image whose config names other plain bytes", "the config says") {
        let bytes = try LayerCoding.gzip.encode(TarMaker(["a": small], in: "models/").bytes)
        var maker = ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, bytes)])
        maker.plainDigests = [.empty]
        return maker
    },
    Lie("an image without models/", "no files in models/") {
        ShapeMaker(ShapeMaker.image, [Layer(ShapeMaker.tarLayer, TarMaker(["bin/sh": small]).bytes)])
    },
    Lie("archives that both have a file", "two of its layers") {
        let type = "application/vnd.cncf.model.weight.v1.tar"
        let (one, two) = (TarMaker(["a": small]).bytes, TarMaker(["a": small, "b": small]).bytes)
        return ShapeMaker(ShapeMaker.modelPack, [Layer(type, one), Layer(type, two)])
    },
    Lie("a format that the files do not have", "the files are gguf") {
        let type = "application/vnd.cncf.model.weight.v1.tar"
        return ShapeMaker(
            ShapeMaker.modelPack, [Layer(type, TarMaker(["a.gguf": small]).bytes)],
            config: #"{"config":{"format":"safetensors"},"modelfs":{}}"#)
    },
    Lie("a file whose bytes have another digest", "although it was downloaded twice") {
        var maker = ShapeMaker(ShapeMaker.modelPack, [Layer(ShapeMaker.weight, path: "a", small)])
        maker.layers[0].claimedDigest = RawModel.digest(1)
        maker.plainDigests = [RawModel.digest(1)]
        return maker
    },
    Lie("an archive whose bytes have another digest", "other bytes than its digest names") {
        var maker = ShapeMaker(
            ShapeMaker.image, [Layer(ShapeMaker.tarLayer, TarMaker(["a": small], in: "models/").bytes)])
        maker.layers[0].claimedDigest = RawModel.digest(1)
        return maker
    },
    Lie("a file of another size", "had 1000 when it was listed") {
        var maker = ShapeMaker(ShapeMaker.modelPack, [Layer(ShapeMaker.weight, path: "a", small)])
        maker.layers[0].claimedSize = 1000
        return maker
    },
    Lie("an archive of another size", "when it was listed") {
        var maker = ShapeMaker(
            ShapeMaker.image, [Layer(ShapeMaker.tarLayer, TarMaker(["a": small], in: "models/").bytes)])
        maker.layers[0].claimedSize = 100
        return maker
    },
    Lie("a file of more than any disk", "when it was listed") {
        var maker = ShapeMaker(ShapeMaker.modelPack, [Layer(ShapeMaker.weight, path: "a.bin", small)])
        maker.layers[0].claimedSize = 1 << 47
        return maker
    },
    Lie(archive: "a file in an archive that no disk has room for", "the disk has") {
        $0.header("models/a", size: "", sizeBytes: [0x80, 0, 0, 0, 0, 0, 0x80, 0, 0, 0, 0, 0])
    },
]

@Suite struct `A model that lies` {
    private let scratch: Scratch
    private let shelf: Shelf
    private let registry: ShapeRegistry

    init() throws {
        scratch = try Scratch()
        shelf = try Shelf(at: scratch["store"])
        registry = try ShapeRegistry()
    }

    @Test(arguments: lies) fileprivate func `gets no name, and the reason is said in words`(_ lie: Lie) async throws {
        registry.put(try lie.make())
        let error = await #expect(throws: CakeError.self) { try await registry.pull(into: shelf) }
        #expect(error?.what.contains(lie.words) == true, "\(error?.what ?? "")")
        #expect(try shelf.names().isEmpty)
        // Nothing of it waits on the disk but parts that a next try may go on with.
        let left = try shelf.entries("incoming").filter { $0.hasPrefix("operation-") }
        #expect(left.isEmpty)
        #expect(try await shelf.damages().isEmpty)
    }

    @Test func `is refused when its manifest was swapped`() async throws {
        let name = registry.put(ShapeMaker(ShapeMaker.modelPack, [Layer(ShapeMaker.weight, path: "a", small)]))
        let other = ShapeMaker(ShapeMaker.modelPack, [Layer(ShapeMaker.weight, path: "b", small)])
        registry.put(manifest: other.manifest, type: RegistryManifest.image, as: "v2")
        registry.swap(name, with: "v2")
        let error = await #expect(throws: CakeError.self) { try await registry.pull(name, into: shelf) }
        #expect(error?.what.contains("for the manifest") == true, "\(error?.what ?? "")")
        #expect(try shelf.names().isEmpty)
    }

    @Test func `is refused when its list names a list, or something else`() async throws {
        func list(_ name: String, _ size: Int, type: String) -> [UInt8] {
            Array(
                #"{"schemaVersion":2,"mediaType":"\#(RegistryManifest.index)","manifests":[{"mediaType":"\#(type)","digest":"\#(name)","size":\#(size)}]}"#
                    .utf8)
        }
        let maker = ShapeMaker(ShapeMaker.modelPack, [Layer(ShapeMaker.weight, path: "a", small)])
        let inner = list(registry.put(maker), maker.manifest.count, type: RegistryManifest.image)
        let name = registry.put(manifest: inner, type: RegistryManifest.index, as: "inner")
        registry.put(
            manifest: list(name, inner.count, type: RegistryManifest.index), type: RegistryManifest.index, as: "outer")
        let error = await #expect(throws: CakeError.self) { try await registry.pull("outer", into: shelf) }
        #expect(error?.what.contains("names another list") == true)
        try await registry.pull("inner", into: shelf)
    }

    @Test func `of another kind is named with its kind`() async throws {
        registry.put(ShapeMaker("application/vnd.oci.empty.v1+json", [Layer("text/plain", small)], config: "{}"))
        let error = await #expect(throws: CakeError.self) { try await registry.pull(into: shelf) }
        #expect(error?.what.contains("application/vnd.oci.empty.v1+json") == true, "\(error?.what ?? "")")
        #expect(error?.fix?.contains("another tool") == true)
    }
}
