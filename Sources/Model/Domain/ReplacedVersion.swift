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

    package init(of record: NameRecord, until: Int) {
        manifest = record.manifest
        since = record.time
        self.until = until
        (source, revision, commit) = (record.source, record.revision, record.commit)
        missing = record.missing
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
        return .object(document)
    }

    /// The record of a name that is brought back to it.
    public func record(beside now: NameRecord) -> NameRecord {
        var record = now
        record.manifest = manifest
        (record.source, record.revision, record.commit) = (source, revision, commit)
        record.missing = missing
        record.etags = [:]
        record.proved = [:]
        return record
    }
}

extension NameRecord {
    /// Versions that a name remembers.
    static let mostReplaced = 50

    /// This record as the one after `old`, which it takes the place of: what that led to is remembered. Nothing is remembered
    /// of what a mirror brought, and a part that the same commit completes is no other version.
    public func following(_ old: NameRecord?, at time: Int) -> NameRecord {
        var versions = old?.replaced ?? []
        if let old, old.manifest != manifest, old.mark == nil {
            let isCompleted = old.isPartial && old.commit != nil && old.commit == commit && old.source == source
            versions.removeAll { $0.manifest == old.manifest }
            if !isCompleted { versions.append(ReplacedVersion(of: old, until: time)) }
        }
        versions.removeAll { $0.manifest == manifest }
        var record = self
        record.replaced = versions
        return record
    }
}
