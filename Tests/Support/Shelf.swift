import Foundation
public import Model
public import Platform
internal import Storage
public import Store
public import Transfer

/// Threads for tests to do store work on.
public let testPool = BlockingPool(threads: 4)

/// Runs a body on threads that may wait, as a command does.
public func onPool<Result>(_ body: () async throws -> Result) async throws -> Result {
    try await withTaskExecutorPreference(testPool) { try await body() }
}

/// A store, and the steps that tests take with it.
public struct Shelf: Sendable {
    public let store: LocalStore
    public var root: String { store.layout.root }

    public init(at root: String, lower: [String] = []) throws {
        store = try LocalStore(at: root, pool: testPool, lower: lower)
    }

    @discardableResult
    public func bring(
        _ folder: String, as name: String, isLenient: Bool = false, bases: Import.Bases = .found
    ) async throws -> Digest {
        let found = try ImportPath(folder, name: ModelName(name), followingAllLinks: false)
        let work = Import(
            into: store, progress: Progress("import"), isLenient: isLenient, bases: bases, replacesName: true)
        return try await work(found.candidates[0]).manifest
    }

    public func export(_ name: String, to folder: String, isForced: Bool = false) async throws {
        let named = try store.find(name)
        let manifest = try store.manifest(named.record.manifest)
        _ = try await Export(from: store, progress: Progress("export"), isForced: isForced)(
            named.name, named.record.manifest, manifest.files, to: folder)
    }

    /// As one archive, and as safetensors files of at most so many bytes.
    public func exportForms(_ name: String, archive: String, shards: String, limit: UInt64) async throws {
        let named = try store.find(name)
        let files = try store.manifest(named.record.manifest).files
        let choice = try WeightChoice(files, TensorSelection(), Renaming(), from: store)
        let export = Export(from: store, progress: Progress("export"))
        _ = try await export.archive(
            named.name, named.record.manifest, choice, hasJoinedStorages: false, to: archive)
        _ = try await export.safetensors(named.name, named.record.manifest, choice, limit: limit, to: shards)
    }

    /// Into a Hugging Face cache; returns where its files then are.
    @discardableResult
    public func exportToCache(_ name: String, _ cache: String) async throws -> String {
        let named = try store.find(name)
        let manifest = named.record.manifest
        let entry = try HubCacheEntry(in: cache, named.name, revision: nil, commit: nil, manifest: manifest)
        _ = try await Export(from: store, progress: Progress("export")).cache(
            named.name, manifest, store.manifest(manifest).files, to: entry)
        return entry.snapshot
    }

    /// The model's files, through an export.
    public func files(of name: String) async throws -> ModelMaker.Files {
        let scratch = try Scratch()
        try await export(name, to: scratch["out"])
        return try ModelMaker.read(scratch["out"])
    }

    @discardableResult
    public func collect(grace: Duration = .zero, isDryRun: Bool = false, isForced: Bool = false) throws -> Collected {
        try store.collect(grace: grace, isDryRun: isDryRun, evenIfNothingIsNamed: isForced)
    }

    /// Damage to layers of the store; damaged ones are set aside.
    public func damages() async throws -> [Damage] {
        try await store.verify(store.everyLayer(), progress: { _ in })
    }

    public func names() throws -> [String] { try store.names().map(\.name.string) }

    public func remove(_ name: String) throws { try store.remove(ModelName(name), evenIfPinned: false) }

    public func layers(of name: String) throws -> [Layer] {
        try store.manifest(store.find(name).record.manifest).layers
    }

    /// The names in one of the store's folders; of `objects`, those of all shards.
    public func entries(_ folder: String) throws -> [String] {
        if folder == "objects" {
            return try Disk.names(in: root + "/objects").flatMap { try Disk.names(in: root + "/objects/" + $0) }
                .sorted()
        }
        return try Disk.names(in: root + "/" + folder)
    }

    public func object(_ digest: Digest) -> String { "\(root)/objects/\(digest.hex.prefix(2))/\(digest.hex)" }
}
