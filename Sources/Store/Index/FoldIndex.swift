public import Model
internal import Platform

extension LocalStore {
    /// Makes one index of all, against every collection and every claim.
    public func foldIndex() throws(CakeError) {
        let operation = try Operation(self)
        try withSweepLock { () throws(CakeError) in
            try catalog.reload(checking: true)
            try foldIndex(in: operation)
        }
    }

    /// Merges all indexes into one of the current shape, without records of removed objects. The caller holds the sweep lock.
    func foldIndex(in operation: Operation) throws(CakeError) {
        try fold(catalog.files, in: operation)
    }

    /// Each publish adds an index, and a layer is looked for in all of them. So the small ones are merged when there are many: a
    /// record is written again a few times in the life of a store, and the indexes stay few. They serve as well apart: a problem, or
    /// another command that holds the lock, is a reason to leave it to the next.
    func mergeIndexes(in operation: Operation) {
        guard catalog.files.count > LocalStore.mostIndexes else { return }
        try? withSweepLockIfFree { () throws(CakeError) in
            let here = try layout.indexNames()
            let files = catalog.files.filter { file in
                here.contains(IndexName(shape: file.shape, name: file.digest.hex + Layout.indexSuffix))
            }
            let smallest = LocalStore.smallest(of: files)
            if smallest.count > 1 { try fold(smallest, in: operation) }
        }
    }

    static let mostIndexes = 8

    /// The files that go into one, the smallest first: no file that is larger than all before it together. What is left then grows
    /// at least twofold from file to file.
    private static func smallest(of files: [IndexFile]) -> [IndexFile] {
        guard files.count > mostIndexes else { return [] }
        var taken: [IndexFile] = []
        var count = 0
        for file in files.sorted(by: { $0.count < $1.count }) {
            guard taken.count < 2 || file.count <= count else { break }
            taken.append(file)
            count += file.count
        }
        return taken
    }

    private func fold(_ files: [IndexFile], in operation: Operation) throws(CakeError) {
        let bytes = try IndexMerge(files, in: layout).encoded()
        let digest = SHA256.digest(of: bytes.span)
        try replace(layout.indexFile(digest), with: bytes, in: operation)
        for file in files where file.digest != digest { try Disk.remove(layout.indexFile(file.digest, file.shape)) }
        try catalog.reload(checking: false)
    }
}
