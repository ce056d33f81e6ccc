/// Files of the commit that are not here, because the pull was told to take some files only.
public struct MissingFiles: Hashable, Sendable {
    /// The first of them: each file that comes later writes the list anew.
    public let paths: [String]
    /// Of all of them, as the bytes are.
    public let count: Int
    public let bytes: UInt64

    public static let mostPaths = 1000

    public init(paths: some Collection<String>, count: Int? = nil, bytes: UInt64) {
        self.paths = Array(paths.prefix(MissingFiles.mostPaths))
        self.count = max(count ?? 0, paths.count)
        self.bytes = bytes
    }
}

extension NameRecord {
    private static let filesKey = "missing-files"

    /// Nil for a model with all its files, and for one that does not say. An older cake keeps the entry when it moves the
    /// name, so the entry names the manifest that it is about.
    public var missingFiles: MissingFiles? {
        get {
            guard let text = fields[NameRecord.filesKey], let entry = try? JSONValue(parsing: Array(text.utf8).span),
                entry["manifest"]?.string == manifest.hex, let list = entry["files"]?.array
            else { return nil }
            let paths = list.compactMap(\.string)
            let count = entry["count"]?.unsigned.flatMap { Int(exactly: $0) }
            return paths.isEmpty
                ? nil : MissingFiles(paths: paths, count: count, bytes: entry["bytes"]?.unsigned ?? 0)
        }
        set {
            guard let new = newValue, !new.paths.isEmpty else {
                fields[NameRecord.filesKey] = nil
                return
            }
            let entry: JSONValue = [
                "manifest": JSONValue(manifest.hex), "bytes": JSONValue(new.bytes),
                "count": JSONValue(new.count), "files": .array(new.paths.map { JSONValue($0) }),
            ]
            fields[NameRecord.filesKey] = entry.text(.compact)
        }
    }

    /// Some of its tensors or files are not here.
    public var isIncomplete: Bool { isPartial || missingFiles != nil }
}
