public import Model
internal import Platform

/// Names in the store, each one small file that is replaced whole.
extension LocalStore {
    /// A name and what it remembers.
    public struct Named: Sendable {
        public let name: ModelName
        public let record: NameRecord
        /// The store below that has it; nil when it is this one's own.
        public var place: String?
        /// Of an earlier version the name that had it.
        public let current: ModelName?

        package init(name: ModelName, record: NameRecord, place: String? = nil, current: ModelName? = nil) {
            self.name = name
            self.record = record
            self.place = place
            self.current = current
        }

        /// An earlier version of a name, or a model that none leads to: `name` is what it is called here.
        public var isNameless: Bool { current != nil || name.string == record.manifest.short }
    }

    /// The names here, and those below that are not here.
    public func allNames() throws(CakeError) -> [Named] {
        var all = try names()
        guard !lower.isEmpty else { return all }
        for store in lower {
            let known = Set(all.map(\.name))
            all += try store.names().filter { !known.contains($0.name) }
        }
        return all.sorted { $0.name < $1.name }
    }

    /// Every name, sorted. One that cannot be read is an error: what it keeps alive is not known.
    public func names() throws(CakeError) -> [Named] {
        var gone: Set<String> = []
        while true {
            var result: [Named] = []
            var vanished: Set<String> = []
            for file in try Disk.names(in: layout.names) {
                guard let name = ModelName(fileName: file) else {
                    throw CakeError(
                        .damaged, "\(Printable.escape(layout.names + "/" + file)) is not a name of cake's",
                        fix: "move it elsewhere")
                }
                if let record = try record(of: name) {
                    result.append(Named(name: name, record: record, place: isBelow ? layout.root : nil))
                } else {
                    vanished.insert(file)
                }
            }
            // It may have another name now, which was not there when the folder was listed.
            if vanished.isSubset(of: gone) { return result.sorted { $0.name < $1.name } }
            gone.formUnion(vanished)
        }
    }

    /// Nil when the store does not know the name.
    public func record(of name: ModelName) throws(CakeError) -> NameRecord? {
        let path = path(of: name)
        do {
            return try records.value(of: name, in: [path]) { () throws(CakeError) in
                let bytes = try Disk.read(path, limit: NameRecord.maximumSize)
                return try NameRecord(decoding: bytes.span)
            }.value
        } catch {
            if error.kind == .notFound { return nil }
            throw error.at(Printable.escape(path))
        }
    }

    /// Changes what a name remembers, against every other process that does so. `change` gets nil for a new name, and
    /// returns nil to leave everything as it is.
    public func update(
        _ name: ModelName, in operation: Operation, _ change: (NameRecord?) throws(CakeError) -> NameRecord?
    ) throws(CakeError) {
        try withNames { () throws(CakeError) in
            let old = try readable(name)
            guard let new = try change(old)?.following(old, at: Machine.now), new != old else { return }
            if let old, new.mark == nil { try refuseClosed(name, old, for: new.manifest) }
            // What this name leaves may be collected; said before it is left, so that a kill between loses nothing.
            if let old, old.manifest != new.manifest { try mark(old.manifest, leftBy: name) }
            try unmark(new.manifest)
            try replace(path(of: name), with: new.encode(), in: operation)
        }
    }

    /// While no other process changes a name.
    func withNames(_ work: () throws(CakeError) -> Void) throws(CakeError) {
        let lock = try File(layout.lock("names"), .readWriteOrCreate)
        _ = try lock.lock(exclusive: true, waiting: true)
        defer { lock.unlock() }
        try work()
    }

    /// Takes a name away. Its layers stay until they are collected. `before` is told what it was, while no other name can change:
    /// what a registry made of a closed model has to go first. Storage does that, and nothing else calls this.
    package func remove(
        _ name: ModelName, evenIfPinned: Bool, before: (NameRecord) throws(CakeError) -> Void
    ) throws(CakeError) {
        try withNames { () throws(CakeError) in
            guard let record = try record(of: name) else { throw missing(name) }
            if record.isPinned, !evenIfPinned {
                throw CakeError(.failed, "\(name) is pinned", fix: "cake unpin \(name), or cake rm --force \(name)")
            }
            try before(record)
            try mark(record.manifest, leftBy: name)
            try Disk.remove(path(of: name))
            try Disk.syncFolder(layout.names)
        }
    }

    /// Why a name cannot be changed here.
    func missing(_ name: ModelName) -> CakeError {
        if let below = try? allNames().first(where: { $0.name == name })?.place {
            return CakeError(
                .notFound, "\(name) is in the store \(Printable.escape(below)), which lies below and is only read")
        }
        return CakeError(.notFound, "no model \(name) in the store", fix: "cake ls shows what is there")
    }

    package func path(of name: ModelName) -> String { layout.names + "/" + name.fileName }

    /// The record of a name; none for a damaged one, which is there to be replaced.
    func readable(_ name: ModelName) throws(CakeError) -> NameRecord? {
        do {
            return try record(of: name)
        } catch {
            if error.kind == .damaged { return nil }
            throw error
        }
    }

    /// Notes that a manifest lost its last name on purpose: an empty store of names then means what it says. While some
    /// name cannot be read, none is known to be the last.
    func mark(_ manifest: Digest, leftBy name: ModelName?) throws(CakeError) {
        guard let names = try? names(), !names.contains(where: { $0.name != name && $0.record.manifest == manifest })
        else { return }
        _ = try File(layout.removalMark(manifest), .readWriteOrCreate)
        try Disk.syncFolder(layout.removed)
    }

    /// A manifest that never had a name needs none: a collection may take it at once.
    public func retire(_ manifest: Digest) throws(CakeError) {
        try withNames { () throws(CakeError) in try mark(manifest, leftBy: nil) }
    }

    /// It has a name again: should that be lost, it was not on purpose.
    private func unmark(_ manifest: Digest) throws(CakeError) {
        guard try Disk.exists(layout.removalMark(manifest)) else { return }
        try Disk.remove(layout.removalMark(manifest))
        try Disk.syncFolder(layout.removed)
    }

    /// Writes a small file aside, syncs it, and puts it in its place.
    func replace(_ path: String, with bytes: [UInt8], in operation: Operation) throws(CakeError) {
        let aside = operation.folder + "/" + Disk.lastPart(of: path) + ".new"
        try Disk.remove(aside)
        let file = try File(aside, .create)
        try file.write(bytes.span, at: 0)
        try file.sync()
        try Disk.rename(aside, to: path)
        try Disk.syncFolder(Disk.parent(of: path))
    }
}
