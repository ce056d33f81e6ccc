internal import Model
internal import Platform
internal import Store
internal import Transfer

/// The names that a mount shows. The answers are those of the store now: what is kept here is asked again when the
/// folder of names has changed.
final class ShownNames: Sendable {
    let store: LocalStore
    private let only: [StarPattern]
    private let showsClosed: Bool
    /// What is downloaded when it is read, by its name and by the digest of its record.
    private let lazyNames: [ModelName: LazyModel]
    private let lazyModels: [Digest: LazyModel]
    private let lists = FolderCache<String, NameList>(room: 1)
    private let indexes = BoundedCache<Digest, FileIndex>(room: 192 << 20) { $0.cost }

    init(_ store: LocalStore, only: [StarPattern], showsClosed: Bool, lazily: [LazyModel]) {
        (self.store, self.only, self.showsClosed) = (store, only, showsClosed)
        lazyNames = Dictionary(lazily.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        lazyModels = Dictionary(lazily.map { ($0.record.manifest, $0) }, uniquingKeysWith: { $1 })
    }

    private var stores: [LocalStore] { [store] + store.lower }

    func list() throws(CakeError) -> NameList {
        let folders = stores.map(\.layout.names)
        return try lists.value(of: "", in: folders) { () throws(CakeError) in
            var names = Set(lazyNames.keys)
            // A file that is not a name is for cake ls to report: the other models can be read.
            for folder in folders { names.formUnion(try Disk.names(in: folder).compactMap { ModelName(fileName: $0) }) }
            return NameList(names)
        }.value
    }

    /// Seconds since 1970 when a name came or went.
    func changed() throws(CakeError) -> Int {
        var latest = 0
        for store in stores { latest = max(latest, try Disk.status(store.layout.names)?.modified ?? 0) }
        return latest
    }

    /// What a name that is shown remembers. A model that is read lazily hides another commit of it, and parts of it.
    func record(of name: ModelName) throws(CakeError) -> NameRecord? {
        guard isChosen(name) else { return nil }
        let lazy = lazyNames[name]
        for store in stores {
            guard let record = try store.record(of: name), lazy?.isAll(of: record) != false else { continue }
            return showsClosed || record.mark != .mirroredClosed ? record : nil
        }
        return lazy?.record
    }

    var hasLazyModels: Bool { !lazyModels.isEmpty }

    /// The model behind the digest of a record, if it is read lazily.
    func lazyModel(_ manifest: Digest) -> LazyModel? { lazyModels[manifest] }

    private func isChosen(_ name: ModelName) -> Bool {
        only.isEmpty || only.contains { $0.fits(name.string) }
    }

    /// Whether a name of the list is shown: read from its record only where that decides.
    func isShown(_ name: ModelName) -> Bool {
        guard isChosen(name) else { return false }
        return showsClosed || (try? record(of: name)) != nil
    }

    func index(of manifest: Digest) throws(CakeError) -> FileIndex {
        try indexes.value(for: manifest) { () throws(CakeError) in
            if let lazy = lazyModel(manifest) { return FileIndex(lazy) }
            return FileIndex(try store.manifest(manifest))
        }
    }

    /// Whether the model lies at its own path. If not, it is in `.names`: where a part of the name begins with a dot,
    /// is empty or has a colon, or where the name would hide a file or a folder of a model whose name it begins with.
    func isPlain(_ name: ModelName, among list: NameList) -> Bool {
        guard ShownNames.hasPlainParts(name) else { return false }
        let parts = name.string.utf8.split(separator: UInt8(ascii: "/"))
        for count in 1..<max(1, parts.count) {
            let above = String(Substring(name.string.utf8[..<parts[count].startIndex].dropLast()))
            if has(String(Substring(parts[count])), inModel: above, list) { return false }
        }
        return true
    }

    static func hasPlainParts(_ name: ModelName) -> Bool {
        name.string.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).allSatisfy { part in
            part.first != nil && part.first != UInt8(ascii: ".") && !part.contains(UInt8(ascii: ":"))
        }
    }

    private func has(_ entry: String, inModel text: String, _ list: NameList) -> Bool {
        guard let name = try? ModelName(text), list.has(name), let record = try? record(of: name),
            let index = try? index(of: record.manifest)
        else { return false }
        return index.entry(entry, in: FileIndex.top) != nil
    }
}
