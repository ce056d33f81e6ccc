import Model
import Platform
import Support

/// The first inputs of each decoder: one that is right, and those that ended a client or a server once.
enum Seeds {
    typealias Inputs = [(name: String, bytes: [UInt8])]

    static var all: [(decoder: String, inputs: Inputs)] {
        get throws {
            let hostile = RawModel.hostile.map { (name: $0.what.replacing(" ", with: "-"), model: $0.model) }
                .filter { $0.model.packs.count < 10 && $0.model.members.count < 10 }
            return [
                ("index", try [("right", right.index)] + hostile.map { ($0.name, $0.model.index) }),
                ("artifact", try [("right", right.artifact)] + hostile.map { ($0.name, $0.model.artifact) }),
                (
                    "manifest",
                    try [("right", right.manifest), ("tensors", tensors)] + hostile.map { ($0.name, $0.model.manifest) }
                ),
                (
                    "published",
                    [("right", text(#"{"repository":"org/m","manifest":"sha256:\#(RawModel.digest(3).hex)"}"#))]
                ),
                (
                    "info",
                    [
                        (
                            "right",
                            text(
                                #"{"id":"org/m","sha":"\#(commit)","gated":"auto","safetensors":{"parameters":{"F32":12},"total":12},"downloads":18446744073709551615,"siblings":[{"rfilename":"a/b"}]}"#
                            )
                        )
                    ]
                ),
                ("tree", trees), ("xet", xet), ("safetensors", safetensors), ("gguf", gguf), ("archive", try archive),
                ("range", ranges), ("signature", signatures), ("statement", statements),
                ("base", bases),
                ("bundle", try bundles), ("storage", storages),
                ("tar", tars), ("layer", try layers), ("modelpack", modelPacks), ("kitops", kits),
                ("dockermodel", dockerModels), ("image", images),
                // Objects' decoders choose by four bytes before.
                (
                    "records",
                    try [("right", number(0, 4) + right.index)]
                        + hostile.map { ($0.name, number(0, 4) + $0.model.index) }
                ),
                ("held", held),
            ]
        }
    }

    private static let commit = String(repeating: "a", count: 40)

    private static func text(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func number(_ value: UInt64, _ bytes: Int = 8) -> [UInt8] {
        (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
    }

    /// Two packs; a layer, a delta of it, and a file of both.
    private static var right: RawModel {
        get throws {
            let (one, two) = (RawModel.digest(1), RawModel.digest(2))
            let file = "file \(RawModel.digest(4).hex) 300 model.bin\n\(one.hex) 150\n\(two.hex) 150\n"
            return RawModel(
                packs: [(RawModel.digest(8), 300), (RawModel.digest(9), 100)],
                members: [
                    RawModel.Member(one, plain: 150, length: 120, offset: 0, pack: 0),
                    RawModel.Member(two, plain: 150, length: 40, offset: 120, pack: 0, base: one),
                    RawModel.Member(RawModel.digest(3), plain: 90, length: 100, offset: 0, pack: 1),
                ], manifest: text("cake manifest 1\n" + file))
        }
    }

    private static let tensors = text(
        "cake manifest 1\nfile \(RawModel.digest(4).hex) 332 a/model%25.safetensors\n\(RawModel.digest(1).hex) 200\n"
            + "\(RawModel.digest(2).hex) 128 F32 4x8 x.weight\n\(RawModel.digest(3).hex) 4 F32 - y\n"
            + "\(Digest.empty.hex) 0 F32 0x4 z\n")

    private static var trees: Inputs {
        func file(_ path: String, _ size: String, _ more: String = "") -> String {
            #"{"type":"file","path":"\#(path)","size":\#(size),"oid":"\#(commit)"\#(more)}"#
        }
        let hash = RawModel.digest(5).hex
        let large = #","lfs":{"oid":"\#(hash)","size":9223372036854775807,"pointerSize":130},"xetHash":"\#(hash)""#
        let folder = #"{"type":"directory","path":"a"}"#
        return [
            ("right", text("[\(file("a/x.bin", "5")),\(folder),\(file("config.json", "7"))]")),
            ("a-file-of-2^63-1", text("[\(file("x.bin", "9223372036854775807", large))]")),
            ("a-file-of-2^48", text("[\(file("x.bin", "281474976710656"))]")),
            (
                "files-that-add-up",
                text("[" + (0..<12).map { file("f\($0)", "281474976710656") }.joined(separator: ",") + "]")
            ),
        ]
    }

    private static var xet: Inputs {
        func terms(_ sizes: [(UInt64, UInt64, String)]) -> [UInt8] {
            let terms = sizes.map {
                #"{"hash":"\#(RawModel.digest(6).hex)","unpacked_length":\#($0.2),"range":{"start":\#($0.0),"end":\#($0.1)}}"#
            }
            return text(#"{"offset_into_first_range":0,"terms":[\#(terms.joined(separator: ","))],"fetch_info":{}}"#)
        }
        return [
            ("right", number(300_000) + terms([(0, 3, "200000"), (3, 5, "100000")])),
            ("shared", number(300_000) + terms([(0, 3, "150000"), (0, 3, "150000")])),
            ("a-file-of-2^64-1", number(.max) + terms([(0, 8192, "1073741824")])),
            ("a-term-of-2^64-1", number(300_000) + terms([(0, 3, "18446744073709551615")])),
        ]
    }

    private static var safetensors: Inputs {
        func header(_ json: String, data: UInt64) -> [UInt8] {
            let json = text(json)
            return number(8 + UInt64(json.count) + data) + number(UInt64(json.count)) + json
        }
        func tensor(_ shape: String, _ begin: UInt64, _ end: UInt64) -> String {
            #"{"dtype":"F32","shape":[\#(shape)],"data_offsets":[\#(begin),\#(end)]}"#
        }
        return [
            (
                "right",
                header(
                    #"{"__metadata__":{"format":"pt"},"a":\#(tensor("4,8", 0, 128)),"b":\#(tensor("", 128, 132)),"c":\#(tensor("0,9", 132, 132))}"#,
                    data: 132)
            ),
            ("2^48", header(#"{"a":\#(tensor("70368744177664", 0, 1 << 48))}"#, data: 1 << 48)),
            ("2^63", header(#"{"a":\#(tensor("2305843009213693952", 0, 1 << 63))}"#, data: 1 << 63)),
            ("2^64", header(#"{"a":\#(tensor("4611686018427387904", 0, .max))}"#, data: 0)),
        ]
    }

    private static var gguf: Inputs {
        func file(_ dimension: UInt64, data: UInt64) -> [UInt8] {
            let key = text("general.name")
            var bytes = text("GGUF") + number(3, 4) + number(1) + number(1)
            bytes += number(UInt64(key.count)) + key + number(8, 4) + number(1) + text("m")
            bytes += number(1) + text("t") + number(1, 4) + number(dimension) + number(0, 4) + number(0)
            let start = (bytes.count + 31) / 32 * 32
            bytes += [UInt8](repeating: 0, count: start - bytes.count)
            return number(UInt64(bytes.count) &+ data) + bytes
        }
        return [
            ("right", file(8, data: 32)), ("2^48", file(1 << 46, data: 1 << 48)),
            ("2^63", file(1 << 61, data: 1 << 63)),
            ("2^64", file(1 << 62, data: .max - 500)),
        ]
    }

    private static var archive: Inputs {
        get throws {
            let facts = "cake archive 1\nstorages separate\nsums before\n"
            let tensor = "\(RawModel.digest(1).hex) 128 F32 4x8 x\n"
            let manifest =
                "cake manifest 1\nfile \(RawModel.digest(3).hex) 5 config.json\n\(RawModel.digest(3).hex) 5\n"
            let large = "\(RawModel.digest(1).hex) 18446744073709551612 F32 4611686018427387903 x\n"
            let zip = try ZipLayout(
                [ZipLayout.Member(FastArchive.factsName, bytes: text(facts + tensor + manifest))], isStreamed: false)
            return [
                ("facts", text(facts + tensor + manifest)), ("a-tensor-of-2^64", text(facts + large + manifest)),
                ("zip", zip.header(of: 0, sum: 0) + text(facts) + zip.directory(sums: [0])),
            ]
        }
    }

    private static var held: Inputs {
        func pack(_ size: String, _ lengths: [String]) -> [UInt8] {
            let lines = lengths.enumerated().map { number, length in
                let layer = RawModel.digest(UInt64(number)).hex
                return "\(layer) \(length) \(layer) 5" + (number % 2 == 1 ? " \(layer) 281474976710656" : "") + "\n"
            }
            return Array("\0\0\0\0cake pack 1 \(size)\n\(lines.joined())".utf8)
        }
        return [
            ("right", pack("300", ["100", "150", "50"])),
            (
                "sum-beyond-2^64",
                pack(
                    "0",
                    ["4611686018427387903", "4611686018427387903", "4611686018427387903", "4611686018427387903", "4"])
            ),
        ]
    }

    private static var signatures: Inputs {
        let bundle = SignatureBundle(payload: statements[0].bytes, signature: [48, 6, 2, 1, 1, 2, 1, 1], hint: "ab")
        let large = String(repeating: "[", count: 100)
        return [
            ("right", bundle.encoded), ("deep", text(#"{"mediaType":\#(large)"#)),
            ("twice", text(#"{"mediaType":"a","mediaType":"b"}"#)),
        ]
    }

    private static var statements: Inputs {
        func statement(_ resources: String, _ method: String = "files") -> [UInt8] {
            text(
                #"{"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"m","digest":{"sha256":"\#(RawModel.digest(1).hex)"}}],"predicateType":"https://model_signing/signature/v1.0","predicate":{"serialization":{"method":"\#(method)","hash_type":"sha256","ignore_paths":[".git","../x"]},"resources":[\#(resources)]}}"#
            )
        }
        func file(_ name: String) -> String {
            #"{"name":"\#(name)","algorithm":"sha256","digest":"\#(RawModel.digest(2).hex)"}"#
        }
        return [
            ("right", statement("\(file("a/b")),\(file("c"))")), ("one", statement(file("."))),
            ("climbs", statement(file("../etc/passwd"))), ("twice", statement("\(file("a")),\(file("a"))")),
            ("shards", statement(file("a:0:9"), "shards")),
        ]
    }

    private static var bases: Inputs {
        let digest = "sha256:" + RawModel.digest(1).hex
        func config(_ diffs: String, _ more: String = "") -> [UInt8] {
            text(
                #"{"architecture":"arm64","os":"linux","variant":"v8","os.features":["a"],"config":{"Env":["A=1"]},"rootfs":{"diff_ids":[\#(diffs)]}\#(more)}"#
            )
        }
        return [
            ("right", config("\"\(digest)\",\"\(digest)\"")), ("none", config("")), ("wrong", config("\"sha256:x\"")),
            ("twice", config("", #","os":"windows""#)),
            (
                "index",
                text(#"{"manifests":[{"digest":"\#(digest)","platform":{"os":"linux","architecture":"amd64"}}]}"#)
            ),
        ]
    }

    private static var bundles: Inputs {
        get throws {
            let artifact = try right.artifact
            let name = BlobName(SHA256.digest(of: artifact.span))
            let entry = BundleIndex.Entry(
                name: name, size: UInt64(artifact.count), mediaType: RegistryManifest.image,
                artifactType: ModelArtifact.artifactType, reference: "v1", imageName: "localhost/m:v1")
            let index = BundleIndex([entry], part: BundleIndex.Part(number: 1, count: 3)).encoded
            let list = LayerList([Layer(digest: RawModel.digest(1), size: 150)]).encoded
            func tar(_ more: [UInt8]) -> [UInt8] {
                RawTar.member(BundleIndex.layoutName, BundleIndex.layout) + RawTar.member("index.json", index)
                    + RawTar.member(BundleIndex.path(of: name), artifact) + more + RawTar.end
            }
            let records = RawTar.member("h", text("28 size=1152921504606846976\n"), kind: "x")
            return [
                ("right", tar([])), ("list", list), ("climbs", tar(RawTar.member("../x", [1]))),
                ("link", tar(RawTar.member("x", kind: "2"))), ("2^60", tar(records + RawTar.member("x"))),
                ("2^33", tar(RawTar.member("x", claiming: 1 << 33 - 1))),
            ]
        }
    }

    private static let ranges: Inputs = [
        ("answer", text("bytes 0-99/200")), ("all", text("bytes 0-18446744073709551615/*")),
        ("backward", text("bytes 5-4/18446744073709551615")), ("chunk", text("0-18446744073709551614")),
        ("asked", text("bytes=0-18446744073709551615")), ("wait", text("18446744073709551615")),
        ("limit", text(#""resolvers";r=0;t=9223372036854775807"#)),
    ]
}
