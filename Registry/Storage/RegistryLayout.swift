internal import Model
internal import Store

/// Where a registry's own things lie in a store; docs/layout.md draws them. Paths are made of checked names alone.
struct RegistryLayout: Sendable {
    let root: String

    init(_ layout: Layout) { root = layout.registry }

    var blobs: String { root + "/blobs" }
    var aliases: String { root + "/sha512" }
    var repositories: String { root + "/repositories" }
    var uploads: String { root + "/uploads" }
    var packs: String { root + "/packs" }
    var held: String { root + "/held" }
    var aside: String { root + "/aside" }
    var tokens: String { root + "/tokens" }
    var served: String { root + "/served" }

    var folders: [String] { [root, blobs, aliases, repositories, uploads, packs, held, aside] }

    func shard(of blob: Digest) -> String { blobs + "/" + Layout.shards[Int(blob.words.0 >> 56)] }

    func blob(_ blob: Digest) -> String { shard(of: blob) + "/" + blob.hex }

    /// A file that holds the SHA-256 of the blob with that SHA-512.
    func alias(_ name: BlobName) -> String { aliases + "/" + name.hex }

    /// What a pack of models of the store is made of.
    func pack(_ digest: Digest) -> String { packs + "/" + digest.hex }

    /// Another name of the file that an object lies in.
    func held(_ object: HeldPack.Object) -> String { held + "/" + object.fileName }

    func repository(_ name: RepositoryName) -> Repository { Repository(root: repositories + "/" + name.fileName) }

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
    }
}
