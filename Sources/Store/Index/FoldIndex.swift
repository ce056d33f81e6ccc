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

    /// Merges all indexes into one, without records of removed objects. The caller holds the sweep lock.
    func foldIndex(in operation: Operation) throws(CakeError) {
        let old = catalog.indexFiles
        var records: [IndexRecord] = []
        var seen: Set<Place> = []
        catalog.forEach { records.append($0) }
        var kept: [IndexRecord] = []
        var packs: [Digest: IndexFile.Pack] = [:]
        for record in records {
            switch record.place {
            case .alone:
                guard let status = try Disk.status(layout.object(record.layer.digest)),
                    status.size == record.storedLength
                else { continue }
            case .pack(let pack, _):
                if packs[pack] == nil, let status = try Disk.status(layout.pack(pack)) {
                    packs[pack] = IndexFile.Pack(digest: pack, size: status.size)
                }
            }
            if seen.insert(Place(layer: record.layer.digest, place: record.place)).inserted { kept.append(record) }
        }
        let bytes = IndexFile.encode(kept, packs: packs.values.sorted { $0.digest < $1.digest })
        let digest = SHA256.digest(of: bytes.span)
        try replace(layout.indexFile(digest), with: bytes, in: operation)
        for file in old where file != digest { try Disk.remove(layout.indexFile(file)) }
        try catalog.reload(checking: false)
    }

    private struct Place: Hashable {
        let layer: Digest
        let place: IndexRecord.Place
    }
}
