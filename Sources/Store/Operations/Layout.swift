package import Model
internal import Platform

/// The paths of everything in a store. Paths to bytes are made from digests alone; docs/layout.md draws the whole.
public struct Layout: Sendable {
    public let root: String

    public init(root: String) { self.root = root }

    var version: String { root + "/cake.store" }
    var objects: String { root + "/objects" }
    var packs: String { root + "/packs" }
    var manifests: String { root + "/manifests" }
    package var names: String { root + "/names" }
    var removed: String { root + "/removed" }
    /// Of this shape; another has a folder of its own.
    var index: String { root + "/index-2" }
    /// The index of cake 0.1, which is read too.
    var earlierIndex: String { root + "/index" }
    var incoming: String { root + "/incoming" }
    var damaged: String { root + "/damaged" }
    var locks: String { root + "/locks" }
    var coordinates: String { root + "/coordinates" }
    var claims: String { root + "/claims" }

    package static let shards: [String] = (0..<256).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }

    func shard(_ name: String) -> String { objects + "/" + name }

    func shard(of digest: Digest) -> String { shard(Layout.shards[Int(digest.words.0 >> 56)]) }

    func object(_ digest: Digest) -> String { shard(of: digest) + "/" + digest.hex }

    func pack(_ digest: Digest) -> String { packs + "/" + digest.hex + ".pack" }

    func manifest(_ digest: Digest) -> String { manifests + "/" + digest.hex }

    func coordinates(of manifest: Digest) -> String { coordinates + "/" + manifest.hex }

    /// For a manifest whose files' digests are a stranger's claim.
    func claim(_ manifest: Digest) -> String { claims + "/" + manifest.hex }

    func checksums(of manifest: Digest) -> String { checksums + "/" + manifest.hex }

    func archives(of manifest: Digest) -> String { archives + "/" + manifest.hex }
    func imageLayers(of manifest: Digest) -> String { imageLayers + "/" + manifest.hex }

    func removalMark(_ digest: Digest) -> String { removed + "/" + digest.hex }

    func index(_ shape: IndexShape) -> String { shape == .current ? index : earlierIndex }

    func indexFile(_ digest: Digest, _ shape: IndexShape = .current) -> String {
        index(shape) + "/" + digest.hex + Layout.indexSuffix
    }

    /// All that lie in both folders. A store that nothing was written to since an earlier cake has one of them.
    func indexNames() throws(CakeError) -> [IndexName] {
        var found: [IndexName] = []
        for shape in IndexShape.allCases where try Disk.exists(index(shape)) {
            found += try Disk.names(in: index(shape)).map { IndexName(shape: shape, name: $0) }
        }
        return found
    }

    func damagedObject(_ digest: Digest) -> String { damaged + "/" + digest.hex }

    var proved: String { root + "/proved" }
    var counts: String { root + "/counts" }
    var rebased: String { root + "/rebased" }
    /// Of this shape; another has a folder of its own.
    var summaries: String { root + "/summaries-2" }
    var modelSummaries: String { summaries + "/models" }
    var layerSketches: String { root + "/sketches-1/layers" }
    /// CRC-32 of the layers of models that were read as archives.
    var checksums: String { root + "/checksums-1" }
    /// Digests of the tar layers of models that were shown as images.
    var imageLayers: String { root + "/image-layers-1" }
    /// What the archives had in them that models came in.
    var archives: String { root + "/archives-1" }

    /// The data of a server beside the models.
    package var registry: String { root + "/registry" }
    package var registryDamaged: String { registry + "/damaged" }

    package func lock(_ name: String) -> String { locks + "/" + name }

    var folders: [String] {
        [objects, packs, manifests, names, removed, index, incoming, damaged, locks, coordinates, claims, signatures]
    }

    package static let packSuffix = ".pack"
    static let indexSuffix = ".index"

    /// The digest in a file name such as `<hex>.pack`, or nil if the file is not cake's.
    package static func digest(in name: String, suffix: String) -> Digest? {
        guard name.hasSuffix(suffix) else { return nil }
        return Digest(hex: String(name.dropLast(suffix.count)))
    }
}
