public import Model
internal import Platform

/// A model in a registry with the content that a test wants: its bytes are written here, without any check.
public struct RawModel: Sendable {
    public struct Member: Sendable {
        public var layer: Digest
        public var plain: UInt64
        public var length: UInt64
        public var offset: UInt64
        public var pack: UInt32
        public var base: Digest?

        public init(
            _ layer: Digest, plain: UInt64, length: UInt64, offset: UInt64 = 0, pack: UInt32 = 0, base: Digest? = nil
        ) {
            (self.layer, self.plain, self.length) = (layer, plain, length)
            (self.offset, self.pack, self.base) = (offset, pack, base)
        }
    }

    /// Names and sizes of its packs.
    public var packs: [(digest: Digest, size: UInt64)]
    public var members: [Member]
    public var manifest: [UInt8]
    /// What the artifact says of the index's size instead of what it is.
    public var claimedIndexSize: UInt64?

    public init(packs: [(digest: Digest, size: UInt64)], members: [Member], manifest: [UInt8]) {
        (self.packs, self.members, self.manifest) = (packs, members, manifest)
    }

    /// A name without bytes.
    public static func digest(_ number: UInt64) -> Digest { Digest(words: (number, 1, 2, 3)) }

    /// The manifest of files of one layer each.
    public static func manifest(_ files: [(path: String, layer: Digest, size: UInt64)]) -> [UInt8] {
        var text = "cake manifest 1\n"
        for file in files.sorted(by: { $0.path < $1.path }) {
            text += "file \(file.layer.hex) \(file.size) \(file.path)\n\(file.layer.hex) \(file.size)\n"
        }
        return Array(text.utf8)
    }

    /// One file of one layer in one pack, everything of a claimed size.
    public init(file size: UInt64, member length: UInt64, at offset: UInt64 = 0, pack: (digest: Digest, size: UInt64)) {
        let layer = RawModel.digest(7)
        self.init(
            packs: [pack], members: [Member(layer, plain: size, length: length, offset: offset)],
            manifest: RawModel.manifest([("x.bin", layer, size)]))
    }

    public var index: [UInt8] {
        func number(_ value: UInt64, _ bytes: Int = 8) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: value >> UInt64(8 * $0)) }
        }
        var bytes = Array("cakeidx1".utf8) + number(UInt64(packs.count), 4) + number(0, 4)
        bytes += number(UInt64(members.count))
        for pack in packs { bytes += pack.digest.bytes + number(pack.size) }
        for member in members.sorted(by: { $0.layer < $1.layer }) {
            bytes += member.layer.bytes + RawModel.digest(99).bytes
            bytes += number(member.plain) + number(member.length) + number(member.offset)
            bytes += number(UInt64(member.pack), 4) + [0, member.base == nil ? 0 : 1, 0, 0]
            bytes += member.base?.bytes ?? [UInt8](repeating: 0, count: 32)
        }
        return bytes
    }

    public static let config = Array(#"{"cake":1}"#.utf8)

    /// The blobs that it takes to show it, without its packs.
    public var blobs: [[UInt8]] { [RawModel.config, manifest, index] }

    public var artifact: [UInt8] {
        func descriptor(_ type: String, _ digest: Digest, _ size: UInt64) -> String {
            #"{"mediaType":"\#(type)","digest":"sha256:\#(digest.hex)","size":\#(size)}"#
        }
        func blob(_ type: String, _ bytes: [UInt8]) -> String {
            descriptor(type, SHA256.digest(of: bytes.span), UInt64(bytes.count))
        }
        let index = index
        let layers =
            [
                blob(ModelArtifact.manifestType, manifest),
                descriptor(
                    ModelArtifact.indexType, SHA256.digest(of: index.span), claimedIndexSize ?? UInt64(index.count)),
            ] + packs.map { descriptor(ModelArtifact.packType, $0.digest, $0.size) }
        return Array(
            (#"{"schemaVersion":2,"mediaType":"\#(RegistryManifest.image)","artifactType":""#
                + #"\#(ModelArtifact.artifactType)","config":\#(blob(ModelArtifact.configType, RawModel.config)),"#
                + #""layers":[\#(layers.joined(separator: ","))]}"#).utf8)
    }

    /// Sizes that ended a client or a server once, or would.
    public static var hostile: [(what: String, model: RawModel)] {
        let pack = digest(8)
        func two(_ size: UInt64) -> RawModel {
            RawModel(
                packs: [(digest(8), size), (digest(9), size)],
                members: [
                    Member(digest(1), plain: 5, length: size, pack: 0),
                    Member(digest(2), plain: 5, length: size, pack: 1),
                ], manifest: manifest([("a", digest(1), 5), ("b", digest(2), 5)]))
        }
        func many(_ count: UInt64, _ size: UInt64, isPlain: Bool) -> RawModel {
            let layers = (1...count).map { digest($0) }
            return RawModel(
                packs: isPlain ? [(pack, count * 100)] : layers.map { ($0, size) },
                members: layers.enumerated().map { number, layer in
                    isPlain
                        ? Member(layer, plain: size, length: 100, offset: UInt64(number) * 100)
                        : Member(layer, plain: 5, length: size, pack: UInt32(number))
                },
                manifest: manifest(layers.enumerated().map { ("f\($0.offset)", $0.element, isPlain ? size : 5) }))
        }
        var index = RawModel(file: 5, member: 100, pack: (pack, 100))
        index.claimedIndexSize = .max
        let config = digest(1)
        return [
            ("all of 2^64-1 bytes", RawModel(file: .max, member: .max, pack: (pack, .max))),
            ("a layer of 2^64-1 in 100 bytes", RawModel(file: .max, member: 100, pack: (pack, 100))),
            ("a layer of 2^48+1 in 100 bytes", RawModel(file: 1 << 48 + 1, member: 100, pack: (pack, 100))),
            ("a member of 2^63", RawModel(file: 5, member: 1 << 63, pack: (pack, 1 << 63))),
            ("a member behind 2^63", RawModel(file: 5, member: 100, at: 1 << 63, pack: (pack, .max))),
            ("two packs of 2^63", two(1 << 63)), ("two packs of 2^64-1", two(.max)),
            ("packs that add up to too much", many(300, 1 << 48, isPlain: false)),
            ("layers that add up to too much", many(300, 1 << 48, isPlain: true)),
            ("an index of 2^64-1", index),
            (
                "a config.json of 2^63 at rest",
                RawModel(
                    packs: [(pack, .max)], members: [Member(config, plain: 5, length: 1 << 63, offset: 1 << 62)],
                    manifest: manifest([("config.json", config, 5)]))
            ),
        ]
    }
}
