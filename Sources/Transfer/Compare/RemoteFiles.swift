public import Model
public import Store

/// Which files of a listing are complete in the store, under any name.
public struct RemoteFiles: Sendable {
    private let here: Set<FilePath>

    public init(_ snapshot: Snapshot, in store: LocalStore?) throws(CakeError) {
        try self.init(snapshot.files, in: store)
    }

    public init(_ files: [SnapshotFile], in store: LocalStore?) throws(CakeError) {
        var here: Set<FilePath> = []
        if let store {
            let known = try KnownRemote(store)
            for file in files where try known.find(file) != nil { here.insert(file.path) }
        }
        self.here = here
    }

    public func has(_ file: SnapshotFile) -> Bool { here.contains(file.path) }
}
