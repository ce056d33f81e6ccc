public import Model

extension Usage {
    /// Of a store and of those below it.
    public init(ofAll store: LocalStore, and others: [LocalStore.Named] = []) throws(CakeError) {
        self = try Usage(of: store, and: others)
        for lower in store.lower { add(try Usage(of: lower)) }
    }

    /// The first of these models whose manifest cannot be read, and how many others there are.
    public func failure(of isWanted: (ModelName) -> Bool = { _ in true }) -> CakeError? {
        let damaged = damaged.filter { isWanted($0.named.name) }
        guard let first = damaged.first else { return nil }
        let others = damaged.count > 1 ? ", and \(damaged.count - 1) more" : ""
        return CakeError(first.error.kind, "\(first.named.name): \(first.error.what)\(others)", fix: first.error.fix)
    }
}

extension Usage.Model {
    /// For scripts and programs: everything in exact numbers.
    public var document: JSONValue {
        let record = named.record
        return [
            "name": JSONValue(named.name.string),
            "id": JSONValue(isUnfinished ? nil : record.manifest.short),
            "manifest": JSONValue(isUnfinished ? nil : record.manifest.hex),
            "files": JSONValue(files), "tensors": JSONValue(tensors),
            "parameters": JSONValue(parameters), "bytes": JSONValue(size),
            "bytes_at_rest": JSONValue(atRest), "bytes_alone": JSONValue(alone),
            "bytes_shared": JSONValue(shared),
            "bytes_spared_by_deltas": JSONValue(spared), "pinned": .bool(record.isPinned),
            "partial": .bool(record.isIncomplete || isUnfinished), "unfinished": .bool(isUnfinished),
            "files_missing": JSONValue(record.missingFiles?.count ?? 0),
            "tensors_missing": JSONValue(record.missing.count),
            "time": JSONValue(record.time), "source": JSONValue(record.source),
            "store": JSONValue(named.place), "revision": JSONValue(record.revision),
            "commit": JSONValue(record.commit),
        ]
    }
}
