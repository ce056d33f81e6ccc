import Model
import Platform
import Support

/// Models of other tools.
extension Seeds {
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func tar(_ fill: (inout TarMaker) -> Void) -> [UInt8] {
        var maker = TarMaker()
        fill(&maker)
        maker.end()
        return maker.bytes
    }

    static var tars: Inputs {
        [
            (
                "right",
                tar {
                    $0.add("models/", type: "5")
                    $0.add("models/config.json", bytes("{}"))
                    $0.add("models/.wh.old")
                    $0.add("bin/sh", type: "2")
                }
            ),
            (
                "records",
                tar {
                    $0.pax([("comment", "x")], type: "g")
                    $0.pax([("path", "models/ü"), ("size", "3")])
                    $0.header("short", size: "0")
                    $0.put([1, 2, 3])
                }
            ),
            (
                "long-names",
                tar {
                    $0.add("././@LongLink", bytes("models/" + String(repeating: "n", count: 200)) + [0], type: "L")
                    $0.add("models/n", [1])
                    $0.add("././@LongLink", bytes("x"), type: "K")
                    $0.add("models/link", type: "1")
                }
            ),
            (
                "a-size-of-2^48", tar { $0.header("a", size: "", sizeBytes: [0x80, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0]) }
            ),
            (
                "two-sizes",
                tar {
                    $0.pax([("size", "9")])
                    $0.add("a", [1])
                }
            ),
            ("climbing", tar { $0.add("models/../../x", [1]) }),
        ]
    }

    static var layers: Inputs {
        get throws {
            let plain = tar { $0.add("models/a", bytes("some text")) }
            var encoder = ZstdEncoder()
            var room = [UInt8](repeating: 0, count: ZstdEncoder.bound(plain.count))
            var span = room.mutableSpan
            let count = try encoder.encode(plain.span, into: &span, .none)
            // One stored block: the same on every machine.
            let length = [UInt8(plain.count & 255), UInt8(plain.count >> 8)]
            var gzip: [UInt8] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff, 1] + length + length.map { ~$0 } + plain
            for value in [UInt64(CRC32.of(plain.span).value), UInt64(plain.count)] {
                gzip += (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            }
            return [
                ("plain", plain), ("zstd", Array(room[..<count])), ("gzip", gzip), ("two-members", gzip + gzip),
                ("cut-off", Array(gzip.dropLast(20))),
            ]
        }
    }

    private static func input(_ maker: ShapeMaker) -> [UInt8] {
        let manifest = maker.manifest
        return (0..<4).map { UInt8(truncatingIfNeeded: manifest.count >> (8 * $0)) } + manifest + maker.configBytes
    }

    static var modelPacks: Inputs {
        let config =
            #"{"descriptor":{"name":"m","licenses":["MIT"]},"config":{"format":"safetensors","paramSize":"6.7B"},"modelfs":{"type":"layers","diffIds":[]}}"#
        let file = ShapeMaker.Layer(ShapeMaker.weight, path: "model.safetensors", [1])
        let tar = ShapeMaker.Layer("application/vnd.cncf.model.doc.v1.tar+gzip", [2])
        var large = ShapeMaker(ShapeMaker.modelPack, [file])
        large.layers[0].claimedSize = 1 << 48
        var kit = ShapeMaker(ShapeMaker.modelPack, [tar], config: config)
        kit.annotations = [("ml.kitops.modelkit.kitfile", #"{"docs":[{"path":"./docs/README.md"}]}"#)]
        return [
            ("right", input(ShapeMaker(ShapeMaker.modelPack, [file, tar], config: config))),
            ("a-layer-of-2^48", input(large)), ("with-a-kitfile", input(kit)),
            ("climbing", input(ShapeMaker(ShapeMaker.modelPack, [.init(ShapeMaker.weight, path: "../x", [1])]))),
        ]
    }

    static var kits: Inputs {
        let config =
            #"{"package":{"name":"k"},"model":{"path":"./w/m.gguf","parts":[{"path":"p"}]},"code":[{"path":"."}],"datasets":[{"path":"d"}]}"#
        let types = ["model.v1.tar+gzip", "modelpart.v1.tar", "code.v1.tar+zstd", "dataset.v1.raw"]
        let layers = types.map { ShapeMaker.Layer("application/vnd.kitops.modelkit.\($0)", [1]) }
        return [("right", input(ShapeMaker(ShapeMaker.kit, layers, config: config)))]
    }

    static var dockerModels: Inputs {
        func layer(_ type: String) -> ShapeMaker.Layer { .init("application/vnd.docker.ai.\(type)", [1]) }
        let one = ["safetensors", "safetensors", "license", "dir.tar", "chat.template.jinja"].map(layer)
        let two = [ShapeMaker.Layer("application/vnd.docker.ai.model.file", path: "a/config.json", [1])]
        return [
            ("one", input(ShapeMaker(ShapeMaker.docker1, one))), ("two", input(ShapeMaker(ShapeMaker.docker2, two))),
        ]
    }

    static var images: Inputs {
        let layers = [ShapeMaker.Layer(ShapeMaker.tarLayer, [1]), .init(ShapeMaker.tarLayer + "+zstd", [2])]
        let list =
            #"{"schemaVersion":2,"manifests":[{"mediaType":"a","digest":"sha256:\#(RawModel.digest(1).hex)","size":9,"platform":{"os":"linux","architecture":"amd64"}}]}"#
        let head = (0..<4).map { UInt8(truncatingIfNeeded: list.utf8.count >> (8 * $0)) }
        return [
            ("right", input(ShapeMaker(ShapeMaker.image, layers))),
            ("docker", input(ShapeMaker(ShapeMaker.dockerImage, layers))), ("a-list", head + bytes(list)),
        ]
    }
}
