internal import Model
internal import Platform

/// The values of a registry. Those of a folder are there at once. For those of another storage the calling thread waits.
struct RegistryValues: Sendable {
    enum Version: Equatable, Sendable {
        case file(FolderStorage.Version)
        case distant(DistantValues.Version)
    }

    typealias Entry = StorageEntry<Version>

    private enum Place: Sendable {
        case folder(FolderStorage)
        case distant(DistantValues)
    }

    private let place: Place

    init(_ folder: FolderStorage) { place = .folder(folder) }
    init(_ values: DistantValues) { place = .distant(values) }

    /// Nil for a folder.
    var distant: DistantValues? { if case .distant(let values) = place { values } else { nil } }

    /// How a message names a value.
    func name(of key: String) -> String {
        switch place {
        case .folder(let folder): folder.path(of: key)
        case .distant: key
        }
    }

    func look(at key: String) throws(CakeError) -> Entry? {
        switch place {
        case .folder(let folder):
            try folder.look(at: key).map { Entry(size: $0.size, time: $0.time, version: .file($0.version)) }
        case .distant(let values): try values.look(at: key).map(RegistryValues.entry)
        }
    }

    /// As it is at this moment, although it was seen a moment ago.
    func lookAgain(at key: String) throws(CakeError) -> Entry? {
        switch place {
        case .folder: try look(at: key)
        case .distant(let values): try values.look(at: key, isAgain: true).map(RegistryValues.entry)
        }
    }

    static func entry(_ entry: DistantValues.Entry) -> Entry {
        Entry(size: entry.size, time: entry.time, version: .distant(entry.version))
    }

    /// The version of the value at a path that the caller keeps: of one that is looked at for each request. Only in a folder.
    func version(at path: String) throws(CakeError) -> Version? {
        if case .folder(let folder) = place { return try folder.version(at: path).map { .file($0) } }
        return nil
    }

    /// A blob, to be read by ranges. Only in a folder.
    func body(at key: String) throws(CakeError) -> StorageBody? {
        switch place {
        case .folder(let folder): try folder.read(key)?.body
        case .distant: nil
        }
    }

    /// A small value, whole; refused when it is larger than `limit`. Again: as it is at this moment.
    func bytes(at key: String, limit: Int, isAgain: Bool = false) throws(CakeError) -> [UInt8]? {
        switch place {
        case .folder(let folder): try folder.bytes(at: key, limit: limit)
        case .distant(let values): try values.bytes(at: key, limit: limit, isAgain: isAgain)
        }
    }

    func names(in folder: String) throws(CakeError) -> [String] {
        switch place {
        case .folder(let storage): try storage.names(in: folder)
        case .distant(let values): try values.names(in: folder)
        }
    }

    @discardableResult
    func put(
        _ body: StorageBody, at key: String, if condition: StorageCondition<Version> = .always
    ) throws(CakeError) -> Bool {
        switch place {
        case .folder(let folder): try folder.put(body, at: key, if: condition.forFolder)
        case .distant(let values): try values.put(body, at: key, if: condition.forDistant)
        }
    }

    @discardableResult
    func remove(_ key: String, ifUnchanged version: Version? = nil) throws(CakeError) -> Bool {
        switch (place, version) {
        case (.folder(let folder), nil): try folder.remove(key)
        case (.folder(let folder), .file(let version)): try folder.remove(key, ifUnchanged: version)
        case (.distant(let values), nil): try values.remove(key, ifUnchanged: nil)
        case (.distant(let values), .distant(let version)): try values.remove(key, ifUnchanged: version)
        default: false
        }
    }

    func mark(_ keys: [String]) throws(CakeError) {
        switch place {
        case .folder(let folder): try folder.mark(keys)
        case .distant(let values): try values.mark(keys)
        }
    }
}

extension StorageCondition<RegistryValues.Version> {
    fileprivate var forFolder: StorageCondition<FolderStorage.Version> {
        switch self {
        case .always: .always
        case .unchanged(.file(let version)): .unchanged(version)
        case .absent, .unchanged(.distant): .absent
        }
    }

    fileprivate var forDistant: StorageCondition<DistantValues.Version> {
        switch self {
        case .always: .always
        case .unchanged(.distant(let version)): .unchanged(version)
        case .absent, .unchanged(.file): .absent
        }
    }
}
