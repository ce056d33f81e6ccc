/// A model that a name led to before it moved on: enough to bring it back.
public struct ReplacedVersion: Hashable, Sendable {
    public let manifest: Digest
    /// When the name was pointed at it, and when it moved on: seconds since 1970.
    public let since: Int?
    public let until: Int
    public let source: String?
    public let revision: String?
    public let commit: String?
    /// Tensors that the model lacked, by name: it was pulled in part.
    public let missing: [String]
    /// Files that it lacked: it was pulled with a selection.
    public let missingFiles: MissingFiles?

    package init(of record: NameRecord, until: Int) {
        manifest = record.manifest
        since = record.time
        self.until = until
        (source, revision, commit) = (record.source, record.revision, record.commit)
        missing = record.missing
        missingFiles = record.missingFiles
    }

    /// Nil for what a newer cake may have written.
    init?(_ value: JSONValue) {
        guard let manifest = value["manifest"]?.string.flatMap({ Digest(hex: $0) }),
            let until = value["until"]?.unsigned.flatMap({ Int(exactly: $0) })
        else { return nil }
        self.manifest = manifest
        since = value["since"]?.unsigned.flatMap { Int(exactly: $0) }
        self.until = until
        (source, revision, commit) = (value["source"]?.string, value["revision"]?.string, value["commit"]?.string)
        missing = value["missing"]?.array?.compactMap(\.string) ?? []
        let files = value["missing_files"]?.array?.compactMap(\.string) ?? []
        missingFiles =
            files.isEmpty
            ? nil
            : MissingFiles(
                paths: files, count: value["missing_file_count"]?.unsigned.flatMap { Int(exactly: $0) },
                bytes: value["missing_file_bytes"]?.unsigned ?? 0)
    }

    /// What is not known is left out.
    var document: JSONValue {
        var document = JSONObject()
        document.append("manifest", JSONValue(manifest.hex))
        if let since { document.append("since", JSONValue(since)) }
        document.append("until", JSONValue(until))
        for (key, text) in [("source", source), ("revision", revision), ("commit", commit)] {
            if let text { document.append(key, JSONValue(text)) }
        }
        if !missing.isEmpty { document.append("missing", .array(missing.map { JSONValue($0) })) }
        if let missingFiles {
            document.append("missing_files", .array(missingFiles.paths.map { JSONValue($0) }))
            document.append("missing_file_count", JSONValue(missingFiles.count))
            document.append("missing_file_bytes", JSONValue(missingFiles.bytes))
        }
        return .object(document)
    }

    public var isIncomplete: Bool { !missing.isEmpty || missingFiles != nil }

    /// The record of a name that is brought back to it.
    public func record(beside now: NameRecord) -> NameRecord {
        var record = now
        record.manifest = manifest
        (record.source, record.revision, record.commit) = (source, revision, commit)
        record.missing = missing
        record.missingFiles = missingFiles
        record.etags = [:]
        record.proved = [:]
        // Commits that came after it are not earlier than it.
        let before = now.earlierCommits + [now.commit].compactMap(\.self)
        record.earlierCommits = commit.flatMap { before.firstIndex(of: $0) }.map { Array(before[..<$0]) } ?? []
        return record
    }
}

extension NameRecord {
    /// Versions that a name remembers.
    static let mostReplaced = 50
    /// Bytes of their text: less than JSON is read with.
    static let longestReplaced = 3 << 20

    /// This record as the one after `old`, which it takes the place of: what that led to is remembered. Nothing is remembered
    /// of what a mirror brought, and a part that the same commit completes is no other version.
    public func following(_ old: NameRecord?, at time: Int) -> NameRecord {
        var versions = old?.replaced ?? []
        if let old, old.manifest != manifest, old.mark == nil {
            let isCompleted = old.isIncomplete && old.commit != nil && old.commit == commit && old.source == source
            versions.removeAll { $0.manifest == old.manifest }
            if !isCompleted { versions.append(ReplacedVersion(of: old, until: time)) }
        }
        versions.removeAll { $0.manifest == manifest }
        var record = self
        record.replaced = versions
        return record
    }

    /// This record under another name, which `taken` had: with the pins and earlier versions of both. A person asked for it, so
    /// no mirror may evict it.
    public func renamed(onto taken: NameRecord?, at time: Int) -> NameRecord {
        var record = self
        record.mark = nil
        record.isPinned = isPinned || taken?.isPinned == true
        var versions = (taken?.replaced ?? []) + replaced
        if let taken, taken.mark == nil { versions.append(ReplacedVersion(of: taken, until: time)) }
        versions.sort { $0.until < $1.until }
        var seen: Set<Digest> = [manifest]
        record.replaced = versions.reversed().filter { seen.insert($0.manifest).inserted }.reversed()
        return record
    }
}
