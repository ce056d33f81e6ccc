public import Model
internal import Platform
public import Remote
internal import Store

/// A model that is not here, or not all of it: its list of files is known, and their bytes are downloaded when they are
/// read.
public struct LazyModel: Sendable {
    package struct File: Sendable {
        package let path: FilePath
        package let size: UInt64
        /// A Hub's identifier of its content; nil if that is hidden.
        package let content: HubContent?
    }

    /// As a pull of it would be remembered, with a digest that no manifest has.
    public let record: NameRecord
    public let name: ModelName
    /// What downloads all of it.
    public let pull: String
    /// Of a pull's record.
    private let commit: String
    /// In the order of their paths.
    package let files: [File]
    private let open: @Sendable (Int) -> LazyFile

    init(
        _ name: ModelName, _ record: NameRecord, at commit: String, _ files: [File], pull: String,
        open: @escaping @Sendable (Int) -> LazyFile
    ) {
        (self.name, self.record, self.commit, self.files, self.pull, self.open) = (
            name, record, commit, files, pull, open
        )
    }

    /// The file with that number.
    package func file(_ number: Int) -> LazyFile { open(number) }

    /// Whether what the store has under the name is this, and all of it.
    package func isAll(of record: NameRecord) -> Bool {
        record.commit == commit && !record.isIncomplete
    }
}

extension LazyModel {
    /// A repository of a Hub. With `checksFirst` programs get no byte of a file before all of it was checked.
    public static func hub(
        _ snapshot: Snapshot, from source: HubSource, as name: ModelName, among shared: LazyFiles,
        checksFirst: Bool, pull: String, _ options: Pull.Options
    ) throws(CakeError) -> LazyModel {
        let hub = try LazyHub(name, snapshot, from: source, among: shared, options)
        let text = Array("\(snapshot.repository)\n\(snapshot.commit)".utf8)
        var record = NameRecord(manifest: SHA256.digest(of: text.span))
        record.source = snapshot.repository.description
        record.revision = snapshot.revision ?? Revision.main
        record.commit = snapshot.commit
        record.time = Machine.now
        for file in snapshot.files { record.etags[file.path] = file.content?.etag }
        let files = snapshot.files.map { File(path: $0.path, size: $0.size, content: $0.content) }
        return LazyModel(name, record, at: snapshot.commit, files, pull: pull) { number in
            let listed = snapshot.files[number]
            return shared.file(PartsKey.of(listed, in: snapshot), size: listed.size) {
                if checksFirst { LazyWhole(listed, of: hub, options) } else { LazyDownload(listed, of: hub) }
            }
        }
    }
}

extension LazyModel {
    /// A model of a registry.
    public static func registry(
        _ remote: RemoteArtifact, as name: ModelName, from source: String, revision: String?, among shared: LazyFiles,
        pull: String, _ options: RegistryPull.Options
    ) throws(CakeError) -> LazyModel {
        guard let manifest = Digest(hex: remote.artifact.manifest.name.hex) else {
            throw CakeError(.damaged, "\(name) has no manifest that cake can name")
        }
        let layers = LazyLayers(remote, as: name, among: shared, options)
        let text = Array("\(remote.repository.host)\n\(manifest)".utf8)
        var record = NameRecord(manifest: SHA256.digest(of: text.span))
        (record.source, record.revision, record.commit) = (source, revision, String(manifest.hex.prefix(40)))
        record.time = Machine.now
        let model = remote.model
        let files = model.files.map { File(path: $0.path, size: $0.size, content: .large($0.digest)) }
        return LazyModel(name, record, at: remote.digest.hex, files, pull: pull) { number in
            let file = model.files[number]
            return shared.file(file.digest, size: file.size) { LazyLayeredFile(file, of: layers) }
        }
    }
}
