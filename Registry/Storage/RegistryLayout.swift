internal import Model
internal import Store

/// The places of a registry's data, by key in a storage or by path in a store; docs/layout.md draws them. Made from
/// checked names alone.
struct RegistryLayout: Sendable {
    let root: String
    private let start: String

    init(_ layout: Layout) { (root, start) = (layout.registry, layout.registry + "/") }

    private init() { (root, start) = ("", "") }

    static let keys = RegistryLayout()

    var blobs: String { start + "blobs" }
    var aliases: String { start + "sha512" }
    var repositories: String { start + "repositories" }
    var uploads: String { start + "uploads" }
    var packs: String { start + "packs" }
    var held: String { start + "held" }
    var aside: String { start + "aside" }
    var tokens: String { start + "tokens" }
    var served: String { start + "served" }
    /// Its time is that of the last collection on a schedule. Empty; in another storage the claim of the server that began it.
    var collected: String { start + "collected" }
    /// An empty value that is put to learn the time of another storage.
    var clock: String { start + "clock" }

    /// Models that mirrors brought into another storage. They have the manifests and marks of a repository, and are none.
    var brought: Repository { Repository(root: start + "brought") }
    var broughtNames: String { brought.root + "/names" }

    func broughtName(_ name: ModelName) -> String { broughtNames + "/" + name.fileName }

    /// A server downloads what this stands for.
    func lease(_ name: String) -> String { brought.root + "/leases/" + name }

    /// Another server waits for it.
    func waiting(_ name: String) -> String { brought.root + "/waiting/" + name }

    /// Bytes of a file that is being downloaded, for those that wait.
    func relayed(_ name: String) -> String { brought.root + "/parts/" + name }

    /// The folders of all three.
    var relaying: [String] { ["leases", "waiting", "parts"].map { brought.root + "/" + $0 } }

    var folders: [String] { [root, blobs, aliases, repositories, uploads, packs, held, aside] }

    func shard(of blob: Digest) -> String { blobs + "/" + Layout.shards[Int(blob.words.0 >> 56)] }

    func blob(_ blob: Digest) -> String { shard(of: blob) + "/" + blob.hex }

    /// A file that holds the SHA-256 of the blob with that SHA-512.
    func alias(_ name: BlobName) -> String { aliases + "/" + name.hex }

    /// The list of the objects in a pack of the store's models.
    func pack(_ digest: Digest) -> String { packs + "/" + digest.hex }

    /// The hard link to the file with an object.
    func held(_ object: HeldPack.Object) -> String { held + "/" + object.fileName }

    func repository(_ name: RepositoryName) -> Repository { Repository(root: repositories + "/" + name.fileName) }

    /// A folder of the bytes so far; in another storage the list of its parts, and the parts.
    func upload(_ name: UploadName) -> String { uploads + "/" + name.text }

    struct Repository {
        let root: String

        var blobs: String { root + "/blobs" }
        var manifests: String { root + "/manifests" }
        var tags: String { root + "/tags" }
        var referrers: String { root + "/referrers" }
        var models: String { root + "/models" }

        /// An empty mark: the blob is this repository's, too.
        func blob(_ blob: Digest) -> String { blobs + "/" + blob.hex }

        func manifest(_ name: BlobName) -> String { manifests + "/" + name.fileName }

        /// The manifest that was made of a model of the store.
        func model(_ name: BlobName) -> String { models + "/" + name.fileName }

        func tag(_ tag: TagName) -> String { tags + "/" + tag.text }

        func referrers(of subject: BlobName) -> String { referrers + "/" + subject.fileName }

        /// An empty mark.
        func referrer(_ name: BlobName, of subject: BlobName) -> String { referrers(of: subject) + "/" + name.fileName }
    }
}
