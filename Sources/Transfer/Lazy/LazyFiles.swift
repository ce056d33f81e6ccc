public import Model
internal import Platform
public import Store
internal import Synchronization

/// What all lazily read files of a process share: the lease of their layers, the connections, and the counts.
public final class LazyFiles: Sendable {
    /// What happened, for people.
    public enum Event: Sendable {
        /// For the first time a program got bytes of the model that no hash has proved.
        case unchecked(ModelName)
        case wrong(ModelName, FilePath)
    }

    public struct Counts: Sendable {
        public var fetched: UInt64 = 0
        public var unchecked: UInt64 = 0
    }

    private struct State {
        /// By what is in them.
        var files: [Digest: LazyFile] = [:]
        var counts = Counts()
        var told: Set<ModelName> = []
        var connections = 0
        var isStopped = false
        var onWrong: (@Sendable (LazyFile) -> Void)?
    }

    let store: LocalStore
    let operation: Operation
    let work: BackgroundWork
    /// A file has more than one connection only as long as all have fewer than this.
    private let mostConnections: Int
    private let tell: @Sendable (Event) -> Void
    private let state = Mutex(State())

    public init(
        _ store: LocalStore, mostConnections: Int = 32, tell: @escaping @Sendable (Event) -> Void
    ) throws(CakeError) {
        self.store = store
        self.mostConnections = mostConnections
        self.tell = tell
        operation = try Operation(store)
        work = BackgroundWork("bytes that are read", on: store.pool)
    }

    public var counts: Counts { state.withLock { $0.counts } }

    /// Ends all downloads, and the reads that wait for them. What came is kept, and can be read.
    public func stop() async {
        state.withLock { $0.isStopped = true }
        await work.cancel()
        for file in state.withLock({ Array($0.files.values) }) { file.failed(LazyFiles.ending) }
    }

    /// When nothing is read any more.
    public func end() { operation.end() }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    static let ending = CakeError(.failed, "the mount is ending", fix: "mount it again")

    /// Called when bytes that programs may have read were wrong.
    package func onWrong(_ then: @escaping @Sendable (LazyFile) -> Void) { state.withLock { $0.onWrong = then } }

    /// The same content is one file, under all its names.
    func file(_ key: Digest, size: UInt64, source: () -> any LazySource) -> LazyFile {
        state.withLock { state in
            if let known = state.files[key] { return known }
            let file = LazyFile(size: size, from: source(), among: self)
            state.files[key] = file
            return file
        }
    }

    func fetched(_ count: UInt64) { state.withLock { $0.counts.fetched += count } }

    func gave(unchecked count: UInt64, isFirst: Bool, of source: any LazySource) {
        let isNew = state.withLock { state in
            state.counts.unchecked += count
            return isFirst && state.told.insert(source.model).inserted
        }
        if isNew { tell(.unchecked(source.model)) }
    }

    func wasWrong(_ file: LazyFile) { state.withLock { $0.onWrong }?(file) }

    func told(_ event: Event) { tell(event) }

    /// Whether a file that has some connections may have another one.
    func takeConnection(having own: Int) -> Bool {
        state.withLock { state in
            guard own == 0 || state.connections < mostConnections else { return false }
            state.connections += 1
            return true
        }
    }

    func giveBackConnection() { state.withLock { $0.connections -= 1 } }
}
