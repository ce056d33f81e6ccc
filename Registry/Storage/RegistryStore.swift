public import Model
public import Platform
public import Store

/// A registry's data: blobs as they were pushed, and repositories that name them. It lies in a store beside the models, where the
/// disk is the truth, or in another storage, without models of a store. Many processes may serve one of either.
public struct RegistryStore: Sendable {
    /// With another storage a store without models, for what is made to be sent.
    public let store: LocalStore
    let layout: RegistryLayout
    let keys = RegistryLayout.keys
    /// For values under a key of `keys`. Operations that only files allow use `layout`.
    let storage: RegistryValues
    /// Of another storage.
    let cache: BlockCache?
    let uploads = Uploads()
    let opened = OpenBlobs()
    let models = KnownModels()
    /// Those that were read lately.
    let packs = BoundedCache<Digest, HeldPack>(room: 512)
    let distantBlobs = BoundedCache<Digest, DistantBlob>(room: 4096)
    let current = CurrentModels()
    let knownTokens = KnownTokens()
    let tokensPath: String
    let checking = Checking()
    let seen = SeenFolders()
    /// Reading needs no token, although there are tokens: then packs are also for everyone.
    let letsAnybodyRead: Bool
    let checks = KnownChecks()
    let doubted = DoubtedBlobs()
    /// Models whose files were rebuilt and hashed since the start.
    let verifiedFiles = BoundedCache<BlobName, Bool>(room: 10_000)
    let views: KnownViews

    /// Makes the folders where they are missing and may be made.
    public init(
        _ store: LocalStore, letsAnybodyRead: Bool = false, views: ShapeViews = .off
    ) throws(CakeError) {
        self.store = store
        self.views = KnownViews(views)
        self.letsAnybodyRead = letsAnybodyRead
        layout = RegistryLayout(store.layout)
        tokensPath = layout.tokens
        storage = RegistryValues(
            FolderStorage(
                in: layout.root, aside: layout.aside, lock: store.layout.lock("storage"), secrets: [keys.tokens]))
        cache = nil
        guard store.isWritable else { return }
        var isWhole = true
        for folder in layout.folders where try !Disk.exists(folder) { isWhole = false }
        if isWhole { return }
        for folder in layout.folders { try Disk.makeFolder(folder) }
        try Disk.syncFolder(layout.root)
        try Disk.syncFolder(store.layout.root)
    }

    /// A registry in another storage. `folder` is for this server alone: for a cache of `room` bytes, and for what is made to be sent.
    /// It can be removed when no server runs.
    public init(
        in storage: some KeyedStorage, cachedIn folder: String, room: UInt64, pool: BlockingPool,
        letsAnybodyRead: Bool = false
    ) throws(CakeError) {
        try self.init(
            in: storage, StorageTiming(), cachedIn: folder, room: room, pool: pool, letsAnybodyRead: letsAnybodyRead)
    }

    /// With a time that tests make.
    package init(
        in storage: some KeyedStorage, _ timing: StorageTiming, cachedIn folder: String, room: UInt64,
        pool: BlockingPool, letsAnybodyRead: Bool
    ) throws(CakeError) {
        let cache = try BlockCache(in: folder, room: room)
        store = try LocalStore(at: cache.place + "/work", pool: pool)
        views = KnownViews(.off)
        self.letsAnybodyRead = letsAnybodyRead
        layout = RegistryLayout(store.layout)
        tokensPath = layout.tokens
        self.storage = RegistryValues(DistantValues(storage, timing))
        self.cache = cache
        try Disk.makeFolders(layout.aside)
    }

    /// Whether its data is in another storage than a store's.
    public var isDistant: Bool { cache != nil }

    /// For files without a name.
    public var workFolder: String { layout.aside }

    /// Whether the storage answered when it was asked last.
    public var answers: Bool { storage.distant?.answers ?? true }

    /// The registry of a store, if it has one.
    public static func existing(in store: LocalStore) throws(CakeError) -> RegistryStore? {
        try Disk.exists(RegistryLayout(store.layout).repositories) ? RegistryStore(store) : nil
    }

    public var isWritable: Bool { store.isWritable }

    public func freeBytes() throws(CakeError) -> UInt64 { try Disk.freeBytes(store.layout.root) }

    public func exists(_ repository: RepositoryName) throws(CakeError) -> Bool {
        if isDistant {
            return try !storage.names(in: keys.repository(repository).root).isEmpty || !shown(in: repository).isEmpty
        }
        let shown = shownModels.value
        if store.isWritable, shown.served.contains(where: { $0.place.repository == repository }) { return true }
        let place = layout.repository(repository)
        // For a closed model, a manifest that was served before proves nothing.
        let isHidden = !shown.isKnown || shown.closed[repository] != nil
        if isHidden, try Disk.exists(place.models) { return try !manifests(in: repository).isEmpty }
        return try Disk.exists(place.root)
    }

    /// Repositories with a manifest or a model, sorted, from the first after `last` on, and whether there are more than
    /// `count`.
    public func repositories(
        after last: String, count: Int, where isVisible: (RepositoryName) -> Bool = { _ in true }
    ) throws(CakeError) -> (names: [RepositoryName], isMore: Bool) {
        var found: [RepositoryName] = []
        let models = Set(shown.map(\.place.repository))
        let names = models.union(try allRepositories()).sorted()
        var rest = names.drop { !last.precedesInBytes($0.text) }.filter(isVisible)[...]
        while !rest.isEmpty {
            let some = rest.prefix(max(RegistryStore.atOnce, min(1024, count - found.count + 1)))
            rest = rest.dropFirst(some.count)
            let pushed = some.filter { !models.contains($0) }
            let manifests = try storage.names(inEach: pushed.map { keys.repository($0).manifests })
            let full = Set(zip(pushed, manifests).filter { $1.contains { BlobName(fileName: $0) != nil } }.map(\.0))
            for name in some where models.contains(name) || full.contains(name) {
                if found.count == count { return (found, true) }
                found.append(name)
            }
        }
        return (found, false)
    }

    func allRepositories() throws(CakeError) -> [RepositoryName] {
        try storage.names(in: keys.repositories).compactMap { RepositoryName(fileName: $0) }
    }

    /// Publishing shares the lock; deleting holds it alone, and then sees everything that was published. Another storage has no lock.
    func locked<Result>(alone: Bool, _ body: () throws(CakeError) -> Result) throws(CakeError) -> Result {
        if isDistant { return try body() }
        let lock = try File(store.layout.lock("registry"), .readWriteOrCreate)
        _ = try lock.lock(exclusive: alone, waiting: true)
        defer { lock.unlock() }
        return try body()
    }

    /// Makes a folder of a repository, and the repository's own.
    func makeFolder(_ folder: String) throws(CakeError) {
        if try Disk.exists(folder) { return }
        try Disk.makeFolders(folder)
    }
}
